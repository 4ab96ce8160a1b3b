//! A person with a browser that has cookies and no scripts.

use reqwest::header::{COOKIE, HeaderMap, LOCATION, SET_COOKIE};
use url::form_urlencoded;

use crate::fake::KEY;
use crate::world::World;

pub(crate) const READ_KEY: &str = "the-key-to-look-at";

pub(crate) struct Person {
    /// The replica that this person uses.
    pub(crate) base: String,
    pub(crate) http: reqwest::Client,
    pub(crate) cookie: String,
    /// The token in the forms of this session.
    pub(crate) token: String,
}

#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) html: String,
}

impl Page {
    /// The target of the redirect; empty if there is none.
    pub(crate) fn location(&self) -> &str {
        let location = self.headers.get(LOCATION);
        location.map_or("", |value| value.to_str().unwrap())
    }

    /// The value of the first field of this name.
    pub(crate) fn field(&self, name: &str) -> Option<String> {
        let rest = self
            .html
            .split(&format!("name=\"{name}\" value=\""))
            .nth(1)?;
        Some(rest.split('"').next()?.to_owned())
    }

    pub(crate) fn has(&self, text: &str) -> bool {
        self.html.contains(text)
    }
}

impl Person {
    /// A person who is not signed in.
    pub(crate) fn stranger(world: &World) -> Self {
        let client = agent_pool_core::http::bare_builder().no_proxy();
        let client = client.redirect(reqwest::redirect::Policy::none());
        Self {
            base: world.url.clone(),
            http: client.build().unwrap(),
            cookie: String::new(),
            token: String::new(),
        }
    }

    pub(crate) async fn operator(world: &World) -> Self {
        Self::with_key(world, KEY).await
    }

    /// For a world with `POOL_READ_KEY`.
    pub(crate) async fn reader(world: &World) -> Self {
        Self::with_key(world, READ_KEY).await
    }

    pub(crate) async fn with_key(world: &World, key: &str) -> Self {
        let mut person = Self::stranger(world);
        let page = person.send("/sign-in", &[("key", key)]).await;
        assert_eq!((page.status, page.location()), (303, "/"), "{}", page.html);
        let cookie = page.headers[SET_COOKIE].to_str().unwrap();
        person.cookie = cookie.split(';').next().unwrap().to_owned();
        person.token = person.get("/").await.field("token").unwrap();
        person
    }

    pub(crate) async fn get(&self, path: &str) -> Page {
        self.page(self.http.get(self.url(path))).await
    }

    /// Sends a form as a page of this session would.
    pub(crate) async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Page {
        let token = ("token", self.token.as_str());
        let all: Vec<_> = fields.iter().copied().chain([token]).collect();
        self.send(path, &all).await
    }

    /// Sends exactly these fields.
    pub(crate) async fn send(&self, path: &str, fields: &[(&str, &str)]) -> Page {
        self.page(self.form(path, fields)).await
    }

    pub(crate) fn form(&self, path: &str, fields: &[(&str, &str)]) -> reqwest::RequestBuilder {
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish();
        self.http
            .post(self.url(path))
            .header("origin", &self.base)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body)
    }

    pub(crate) async fn page(&self, request: reqwest::RequestBuilder) -> Page {
        let request = request.header(COOKIE, &self.cookie);
        let response = request.header("accept", "text/html").send().await.unwrap();
        Page {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            html: response.text().await.unwrap(),
        }
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }
}
