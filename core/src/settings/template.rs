//! The URL of an instance by a template, for infras behind a reverse proxy.

use url::Url;

use crate::InstanceId;

/// The URL that `template` gives an instance: `{id}` becomes its id, and `{name}` the name of its service.
///
/// ```
/// use agent_pool_core::settings::url_by_template;
///
/// let id = "k3v9x0a1b2c3".parse()?;
/// let url = url_by_template("https://{id}.agents.example.com", &id, "ap-dev-k3v9x0a1b2c3")?;
/// assert_eq!(url.as_str(), "https://k3v9x0a1b2c3.agents.example.com/");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// The fault of the template, as a text that follows the name of its variable.
pub fn url_by_template(template: &str, instance: &InstanceId, name: &str) -> Result<Url, String> {
    if !template.contains("{id}") && !template.contains("{name}") {
        return Err("has neither {id} nor {name}: all instances would share one URL".to_owned());
    }
    let url = template
        .replace("{id}", instance.as_str())
        .replace("{name}", name);
    let url = Url::parse(&url).map_err(|error| format!("makes no URL: {error}"))?;
    match url.scheme() {
        "http" | "https" if url.has_host() => Ok(url),
        _ => Err("makes no http or https URL".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_that_gives_no_address_of_its_own_is_refused() {
        let id = InstanceId::generate();
        for template in [
            "https://agents.example.com",
            "{id}.example.com",
            "ftp://{id}.example.com",
            "https://{id} {name}",
        ] {
            assert!(url_by_template(template, &id, "n").is_err(), "{template}");
        }
        let url = url_by_template("http://{name}:8080", &id, "ap-x").unwrap();
        assert_eq!(url.as_str(), "http://ap-x:8080/");
    }
}
