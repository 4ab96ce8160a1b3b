use reqwest::header::COOKIE;

use super::Person;
use crate::world::{SOON, World};

/// The next version in the stream.
async fn next(stream: &mut reqwest::Response) -> Option<String> {
    let message = async {
        let mut text = String::new();
        while let Some(chunk) = stream.chunk().await.unwrap() {
            text.push_str(std::str::from_utf8(&chunk).unwrap());
            if let Some((_, rest)) = text.split_once("data:")
                && let Some((version, _)) = rest.split_once('\n')
            {
                return Some(version.to_owned());
            }
        }
        None
    };
    tokio::time::timeout(SOON, message).await.unwrap()
}

async fn listen(world: &World, cookie: &str) -> reqwest::Response {
    let request = world.http.get(format!("{}/live", world.url));
    request.header(COOKIE, cookie).send().await.unwrap()
}

#[tokio::test]
async fn an_open_page_hears_of_each_change() {
    let world = World::new(&[]).await;
    world.idle(1).await;
    let person = Person::operator(&world).await;
    let mut stream = listen(&world, &person.cookie).await;
    assert_eq!(stream.headers()["content-type"], "text/event-stream");
    let before = next(&mut stream).await.unwrap();
    world.claim("{}").await;
    assert_ne!(next(&mut stream).await.unwrap(), before);
    let mut again = listen(&world, &person.cookie).await;
    assert_ne!(
        next(&mut again).await.unwrap(),
        before,
        "a new stream gets the missed change"
    );
}

#[tokio::test]
async fn live_updates_require_a_session() {
    let world = World::new(&[]).await;
    let page = Person::stranger(&world).get("/live").await;
    assert_eq!(
        (page.status, page.location()),
        (303, "/sign-in?next=%2Flive")
    );
}

#[tokio::test]
async fn a_shutdown_does_not_wait_for_open_pages() {
    let world = World::new(&[]).await;
    let person = Person::operator(&world).await;
    let mut stream = listen(&world, &person.cookie).await;
    next(&mut stream).await.unwrap();
    world.replica.tasks.shutdown().trigger();
    assert_eq!(next(&mut stream).await, None);
}
