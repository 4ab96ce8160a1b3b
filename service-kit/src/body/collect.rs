//! Reads a body up to a limit, because `Content-Length` may be absent or wrong.

use std::fmt::Display;
use std::pin::pin;
use std::time::Duration;

use agent_pool_core::wire::problem::{Problem, ProblemCode};
use futures_util::{Stream, StreamExt};
use tokio::time::timeout;
use warp::Buf;

/// Limits on the size of a body, in bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Size of the largest accepted body.
    largest: usize,
    /// How much of a larger body is read and discarded, so that a client that sends all of it first sees the answer
    /// instead of a broken connection.
    forgiven: usize,
}

impl Limits {
    /// Requests whose key was accepted.
    pub(super) const VERIFIED: Self = Self {
        largest: 256 * 1024,
        forgiven: 8 * 1024 * 1024,
    };
    /// Requests whose sender is not verified yet.
    pub(super) const UNVERIFIED: Self = Self {
        largest: 16 * 1024,
        forgiven: 64 * 1024,
    };
}

/// Time limit for a body to arrive, which also limits how long a shutdown waits for it.
const PATIENCE: Duration = Duration::from_secs(30);

pub(super) async fn collect<B: Buf, E: Display>(
    stream: impl Stream<Item = Result<B, E>>,
    limits: Limits,
) -> Result<Vec<u8>, Problem> {
    match timeout(PATIENCE, read(stream, limits)).await {
        Ok(result) => result,
        Err(_) => Err(Problem::new(
            ProblemCode::BodyTimeout,
            format!("the body did not arrive within {} s", PATIENCE.as_secs()),
        )),
    }
}

async fn read<B: Buf, E: Display>(
    stream: impl Stream<Item = Result<B, E>>,
    Limits { largest, forgiven }: Limits,
) -> Result<Vec<u8>, Problem> {
    let mut stream = pin!(stream);
    let mut body = Vec::new();
    let mut read = 0;
    while let Some(chunk) = stream.next().await {
        let mut chunk = chunk.map_err(|error| {
            Problem::new(
                ProblemCode::BrokenBody,
                format!("the body ended early: {error}"),
            )
        })?;
        read += chunk.remaining();
        if read > forgiven {
            break;
        }
        while read <= largest && chunk.has_remaining() {
            let part = chunk.chunk();
            body.extend_from_slice(part);
            chunk.advance(part.len());
        }
    }
    if read > largest {
        let detail = format!("the body is larger than {} KiB", largest / 1024);
        return Err(Problem::new(ProblemCode::BodyTooLarge, detail));
    }
    Ok(body)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures_util::stream;

    use super::*;

    const LIMITS: Limits = Limits::VERIFIED;
    const LARGEST: usize = LIMITS.largest;

    fn chunks(sizes: &[usize]) -> impl Stream<Item = Result<&'static [u8], Infallible>> {
        static ZEROS: [u8; LARGEST] = [0; LARGEST];
        stream::iter(sizes.to_vec()).map(|size| Ok(&ZEROS[..size]))
    }

    #[tokio::test]
    async fn the_limit_is_on_bytes_that_came() {
        assert_eq!(
            collect(chunks(&[LARGEST]), LIMITS).await.unwrap().len(),
            LARGEST
        );
        assert_eq!(
            collect(chunks(&[LARGEST - 1, 1]), LIMITS)
                .await
                .unwrap()
                .len(),
            LARGEST
        );
        let problem = collect(chunks(&[LARGEST, 1]), LIMITS).await.unwrap_err();
        assert_eq!(
            (problem.status, problem.code.as_str()),
            (413, "body_too_large")
        );
    }

    #[tokio::test]
    async fn of_a_sender_who_is_not_known_less_is_read() {
        let read = async |size| collect(chunks(&[size]), Limits::UNVERIFIED).await;
        let largest = Limits::UNVERIFIED.largest;
        assert_eq!(read(largest).await.unwrap().len(), largest);
        assert_eq!(read(largest + 1).await.unwrap_err().status, 413);
        let endless = stream::repeat(0).map(|_| Ok::<_, Infallible>(&[0_u8; 4096][..]));
        let refused = collect(endless, Limits::UNVERIFIED).await;
        assert_eq!(refused.unwrap_err().status, 413);
    }

    #[tokio::test]
    async fn a_body_without_end_is_given_up() {
        let endless = stream::repeat(0).map(|_| Ok::<_, Infallible>(&[0_u8; 4096][..]));
        assert_eq!(collect(endless, LIMITS).await.unwrap_err().status, 413);
    }

    #[tokio::test]
    async fn a_body_that_breaks_off_is_the_clients() {
        let broken = stream::iter([Ok(&b"{"[..]), Err("reset")]);
        assert_eq!(
            collect(broken, LIMITS).await.unwrap_err().code,
            ProblemCode::BrokenBody
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_does_not_come_is_not_waited_for_for_ever() {
        let silent = stream::pending::<Result<&[u8], Infallible>>();
        let problem = collect(silent, LIMITS).await.unwrap_err();
        assert_eq!(
            (problem.status, problem.code.as_str()),
            (408, "body_timeout")
        );
    }
}
