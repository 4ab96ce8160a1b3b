//! The connection to the engine, and the meaning of its errors.

use std::error::Error as _;
use std::time::Duration;

use agent_pool_core::{Context, Effect, ErrorKind, ProviderError};
use bollard::errors::Error;
use bollard::{API_DEFAULT_VERSION, Docker as Client};
use tokio::sync::OnceCell;

/// Time limit of one call if the context has no deadline.
const CALL_LIMIT: Duration = Duration::from_secs(120);

/// The engine at one address. It is connected when it is first used, because the socket may appear later.
#[derive(Debug)]
pub(crate) struct Engine {
    host: String,
    client: OnceCell<Client>,
}

impl Engine {
    pub(crate) const fn new(host: String) -> Self {
        Self {
            host,
            client: OnceCell::const_new(),
        }
    }

    /// The client. It uses the newest version of the API that the engine supports: Docker 29 refuses even the newest
    /// versions that Podman 4 supports.
    pub(crate) async fn client(&self, cx: &Context) -> Result<&Client, ProviderError> {
        let connect = || async {
            let client = self.connect().map_err(|error| self.failure(error))?;
            self.call(cx, client.negotiate_version()).await
        };
        self.client.get_or_try_init(connect).await
    }

    fn connect(&self) -> Result<Client, Error> {
        let limit = CALL_LIMIT.as_secs();
        if let Some(path) = self.host.strip_prefix("unix://") {
            return Client::connect_with_unix(path, limit, API_DEFAULT_VERSION);
        }
        Client::connect_with_http(&self.host, limit, API_DEFAULT_VERSION)
    }

    /// Runs one call within the context's deadline.
    pub(crate) async fn call<T>(
        &self,
        cx: &Context,
        call: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, ProviderError> {
        let limit = cx.remaining().unwrap_or(CALL_LIMIT).min(CALL_LIMIT);
        match tokio::time::timeout(limit, call).await {
            Ok(result) => result.map_err(|error| self.failure(error)),
            Err(_) => {
                let waited = limit.as_millis();
                let message = format!(
                    "the engine at {} did not answer within {waited} ms",
                    self.host
                );
                Err(ProviderError::new(ErrorKind::Unavailable, message))
            }
        }
    }

    fn failure(&self, error: Error) -> ProviderError {
        if let Error::DockerResponseServerError {
            status_code,
            message,
        } = &error
        {
            return refused(*status_code, message);
        }
        let host = &self.host;
        let io = io_error(&error);
        if io == Some(std::io::ErrorKind::PermissionDenied) {
            let message = format!(
                "no permission to use the engine at {host}: add this user to the socket's group"
            );
            return ErrorKind::Unauthorized.because(message).with_source(error);
        }
        let absent = matches!(error, Error::SocketNotFoundError(_));
        let unsent = matches!(&error, Error::HyperLegacyError { err } if err.is_connect());
        if absent || unsent {
            let message =
                format!("no container engine answers at {host}: start it, or correct DOCKER_HOST");
            let unavailable = ErrorKind::Unavailable.because(message);
            return unavailable.with_effect(Effect::NotDone).with_source(error);
        }
        if let Error::JsonDataError { message, .. } = &error {
            let message = format!(
                "the answer of {host} cannot be understood; if that is not a container engine, correct DOCKER_HOST: {message}"
            );
            return ErrorKind::Protocol.because(message);
        }
        if let Error::DockerStreamError { error: message } = &error {
            return stream_failure(message);
        }
        let message = format!(
            "the connection to the engine at {host} failed; if that is not a container engine, correct DOCKER_HOST"
        );
        ErrorKind::Unavailable.because(message).with_source(error)
    }
}

fn io_error(error: &Error) -> Option<std::io::ErrorKind> {
    let mut source = error.source();
    if let Error::IOError { err } = error {
        return Some(err.kind());
    }
    while let Some(inner) = source {
        if let Some(io) = inner.downcast_ref::<std::io::Error>() {
            return Some(io.kind());
        }
        source = inner.source();
    }
    None
}

/// The meaning of a status. Podman answers 500 where Docker has a specific status, so the message decides there.
fn refused(status: u16, message: &str) -> ProviderError {
    let lower = message.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    let kind = match status {
        400 => ErrorKind::Invalid,
        401 => ErrorKind::Unauthorized,
        403 => ErrorKind::Forbidden,
        404 => ErrorKind::NotFound,
        409 => ErrorKind::Conflict,
        429 => ErrorKind::RateLimited,
        500..
            if says(&[
                "port is already allocated",
                "address already in use",
                "already in use by",
            ]) =>
        {
            ErrorKind::Conflict
        }
        500.. if says(&["already in use", "already exists", "already being used"]) => {
            ErrorKind::Conflict
        }
        500..
            if says(&[
                "no such container",
                "no such volume",
                "no such image",
                "network not found",
                "unable to find network",
            ]) =>
        {
            ErrorKind::NotFound
        }
        500..
            if says(&[
                "executable file",
                "exec format",
                "no command or entrypoint",
                "unknown or invalid runtime",
            ]) =>
        {
            ErrorKind::Invalid
        }
        500.. => ErrorKind::Unavailable,
        _ => ErrorKind::Protocol,
    };
    let advice = if says(&["port is already allocated", "address already in use"]) {
        ": another program has this port; free it, or move DOCKER_PORT_FIRST and DOCKER_PORT_LAST"
    } else {
        ""
    };
    kind.because(format!(
        "the engine answered {status}: {}{advice}",
        message.trim()
    ))
}

/// A pull reports its failure inside a successful answer.
fn stream_failure(message: &str) -> ProviderError {
    let lower = message.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    let kind = if says(&["not found", "manifest unknown", "does not exist"]) {
        ErrorKind::Invalid
    } else if says(&["unauthorized", "denied", "authentication required"]) {
        ErrorKind::Unauthorized
    } else if says(&["toomanyrequests", "rate limit"]) {
        ErrorKind::RateLimited
    } else {
        ErrorKind::Unavailable
    };
    kind.because(format!(
        "the engine could not pull the image: {}",
        message.trim()
    ))
}

/// The result, or `None` after a 404.
pub(crate) fn found<T>(result: Result<T, ProviderError>) -> Result<Option<T>, ProviderError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_podman_mean_what_the_statuses_of_docker_mean() {
        for (status, message, kind) in [
            (
                409,
                "Conflict. The container name \"/x\" is already in use",
                ErrorKind::Conflict,
            ),
            (
                500,
                "creating container storage: the container name \"x\" is already in use",
                ErrorKind::Conflict,
            ),
            (
                500,
                "driver failed: Bind for 127.0.0.1:30000 failed: port is already allocated",
                ErrorKind::Conflict,
            ),
            (
                500,
                "rootlessport listen tcp 127.0.0.1:30000: bind: address already in use",
                ErrorKind::Conflict,
            ),
            (404, "No such container: x", ErrorKind::NotFound),
            (
                500,
                "runc: exec: \"nope\": executable file not found in $PATH",
                ErrorKind::Invalid,
            ),
            (500, "no space left on device", ErrorKind::Unavailable),
        ] {
            assert_eq!(refused(status, message).kind(), kind, "{message}");
        }
    }

    #[test]
    fn a_taken_port_says_what_to_do() {
        let error = refused(
            500,
            "Bind for 0.0.0.0:30000 failed: port is already allocated",
        );
        assert!(error.to_string().contains("DOCKER_PORT_FIRST"), "{error}");
    }

    #[test]
    fn who_may_not_use_the_socket_is_told_so() {
        let engine = Engine::new("unix:///run/engine.sock".to_owned());
        let err = std::io::Error::from(std::io::ErrorKind::PermissionDenied);
        let error = engine.failure(Error::IOError { err });
        assert_eq!(error.kind(), ErrorKind::Unauthorized);
        assert!(error.to_string().contains("socket's group"), "{error}");
    }

    #[tokio::test]
    async fn an_engine_that_is_not_there_is_named() {
        let engine = Engine::new("unix:///nowhere/engine.sock".to_owned());
        let mark = agent_pool_core::Mark::new(&"dev".parse().unwrap());
        let cx = Context::new(mark, agent_pool_core::http::client().unwrap());
        let error = engine.client(&cx).await.map(|_| ()).unwrap_err();
        assert_eq!(
            (error.kind(), error.effect()),
            (ErrorKind::Unavailable, Effect::NotDone)
        );
        assert!(
            error.to_string().contains("/nowhere/engine.sock"),
            "{error}"
        );
    }
}
