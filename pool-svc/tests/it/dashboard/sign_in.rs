use agent_pool_core::InstanceId;
use reqwest::header::{ETAG, SET_COOKIE};

use super::Person;
use super::person::READ_KEY;
use crate::fake::KEY;
use crate::world::{World, replica, settings};

#[tokio::test]
async fn signing_in_redirects_to_the_requested_page() {
    let world = World::new(&[]).await;
    let person = Person::stranger(&world);
    assert_eq!(person.get("/").await.location(), "/sign-in");
    let asked = person.get("/?q=x&status=idle").await;
    assert_eq!(
        (asked.status, asked.location()),
        (303, "/sign-in?next=%2F%3Fq%3Dx%26status%3Didle")
    );
    let form = person.get(asked.location()).await;
    let next = form.field("next").unwrap();
    assert_eq!((form.status, next.as_str()), (200, "/?q=x&amp;status=idle"));
    let fields = [("key", KEY), ("next", "/?q=x&status=idle")];
    let signed_in = person.send("/sign-in", &fields).await;
    assert_eq!(
        (signed_in.status, signed_in.location()),
        (303, "/?q=x&status=idle")
    );
}

#[tokio::test]
async fn a_wrong_key_is_refused_and_never_shown() {
    let world = World::new(&[("POOL_READ_KEY", READ_KEY)]).await;
    let person = Person::stranger(&world);
    for wrong in ["", "hunter2", "the-ke"] {
        let page = person.send("/sign-in", &[("key", wrong)]).await;
        assert_eq!(page.status, 403);
        assert!(page.has("This key is not valid") && !page.has("hunter2"));
        assert!(!page.headers.contains_key(SET_COOKIE));
    }
}

#[tokio::test]
async fn the_key_reaches_neither_the_cookie_nor_a_page() {
    let world = World::new(&[]).await;
    let person = Person::operator(&world).await;
    let page = person.get("/").await;
    assert_eq!(page.status, 200);
    assert!(!person.cookie.contains(KEY) && !page.has(KEY));
}

#[tokio::test]
async fn signing_out_ends_the_session_on_every_replica() {
    let world = World::new(&[]).await;
    let mut person = Person::operator(&world).await;
    let mut other = Person::operator(&world).await;
    let settings = settings(&world.database, &world.fake.url, &[]);
    let second = replica(&settings).await;
    other.base = second.clone();
    assert_eq!(other.get("/").await.status, 200, "it is valid on both");
    let page = person.post("/sign-out", &[]).await;
    assert_eq!((page.status, page.location()), (303, "/sign-in"));
    let cookie = page.headers[SET_COOKIE].to_str().unwrap();
    assert!(
        cookie.starts_with("agent_pool_session=;") && cookie.contains("Max-Age=0"),
        "{cookie}"
    );
    for base in [world.url.clone(), second] {
        person.base = base;
        assert_eq!(
            person.get("/").await.location(),
            "/sign-in",
            "a copied cookie is useless"
        );
        let live = person.get("/live").await;
        assert_eq!(live.location(), "/sign-in?next=%2Flive");
    }
    assert_eq!(other.get("/").await.status, 200, "other sessions continue");
}

#[tokio::test]
async fn a_session_expires_and_is_no_secret_of_the_database() {
    let world = World::new(&[]).await;
    let person = Person::operator(&world).await;
    let (_, id) = person.cookie.split_once('=').unwrap();
    let stored = "SELECT string_agg(dashboard_sessions::text, ' ') AS it FROM dashboard_sessions";
    let stored = world.ask(stored).await.unwrap();
    assert!(!stored.contains(id) && !stored.contains(KEY), "{stored}");
    world
        .sql("UPDATE dashboard_sessions SET expires_at = now()")
        .await;
    assert_eq!(person.get("/").await.location(), "/sign-in");
}

#[tokio::test]
async fn a_withdrawn_key_ends_its_sessions() {
    let world = World::new(&[("POOL_READ_KEY", READ_KEY)]).await;
    let mut reader = Person::reader(&world).await;
    let settings = settings(&world.database, &world.fake.url, &[]);
    let without = replica(&settings).await;
    reader.base = without;
    assert_eq!(reader.get("/").await.location(), "/sign-in");
}

#[tokio::test]
async fn signing_in_needs_a_page_of_this_site_whatever_the_browser() {
    let world = World::new(&[("PUBLIC_URL", "https://pool.example")]).await;
    let person = Person::stranger(&world);
    let sign_in = |origin: Option<&str>| {
        let request = person.http.post(format!("{}/sign-in", world.url));
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let request = request.body(format!("key={KEY}"));
        match origin {
            Some(origin) => request.header("origin", origin),
            None => request,
        }
    };
    for foreign in [
        None,
        Some("https://evil.example"),
        Some("null"),
        Some(world.url.as_str()),
    ] {
        let page = person.page(sign_in(foreign)).await;
        assert!(
            page.status == 403 && page.has("foreign_form"),
            "{foreign:?}"
        );
        assert!(!page.headers.contains_key(SET_COOKIE));
    }
    let page = person.page(sign_in(Some("https://pool.example"))).await;
    let cookie = page.headers[SET_COOKIE].to_str().unwrap();
    assert!(cookie.starts_with("__Host-agent_pool_session="), "{cookie}");
    assert!(
        cookie.contains("Secure") && cookie.contains("Path=/"),
        "{cookie}"
    );
}

#[tokio::test]
async fn a_reader_sees_no_logs() {
    let world = World::new(&[("POOL_READ_KEY", READ_KEY)]).await;
    let id = world.idle(1).await.remove(0);
    let reader = Person::reader(&world).await;
    let page = reader.get(&format!("/instances/{id}/logs")).await;
    assert!(
        page.status == 403 && page.has("readers_read"),
        "{}",
        page.html
    );
    let page = reader.get(&format!("/instances/{id}")).await;
    assert!(page.status == 200 && !page.has("/logs"));
    assert_eq!(world.fake.times(crate::fake::Op::Logs), 0);
}

#[tokio::test]
async fn a_form_of_another_session_or_site_does_nothing() {
    let world = World::new(&[]).await;
    let person = Person::operator(&world).await;
    let other = Person::operator(&world).await;
    assert_ne!(person.token, other.token);
    for token in ["", "x", &other.token] {
        let page = person.send("/sign-out", &[("token", token)]).await;
        assert_eq!(page.status, 403, "{token}");
        assert!(page.has("foreign_form") && page.has("Back to the fleet"));
    }
    let token = [("token", person.token.as_str())];
    for site in ["cross-site", "same-site"] {
        let request = person
            .form("/sign-out", &token)
            .header("sec-fetch-site", site);
        assert_eq!(person.page(request).await.status, 403, "{site}");
        let request = person
            .form("/sign-in", &[("key", KEY)])
            .header("sec-fetch-site", site);
        assert_eq!(person.page(request).await.status, 403, "{site}");
    }
}

/// Every form of the dashboard that changes something, for one instance.
fn writes(id: &InstanceId) -> Vec<String> {
    let of_instance = ["kill", "dismiss", "redeploy"].map(|act| format!("/instances/{id}/{act}"));
    let others = [
        "/drain",
        "/replenish",
        "/claim",
        "/claim/stream",
        "/providers/sweep",
    ];
    let others = others.map(str::to_owned);
    others.into_iter().chain(of_instance).collect()
}

#[tokio::test]
async fn nothing_changes_without_the_token_of_a_session_or_without_a_session() {
    let world = World::new(&[("POOL_READ_KEY", READ_KEY)]).await;
    let id = world.idle(1).await.remove(0);
    let person = Person::operator(&world).await;
    let reader = Person::reader(&world).await;
    let stranger = Person::stranger(&world);
    let fields = [("count", "1"), ("destroy", "true")];
    for path in writes(&id) {
        let page = person.send(&path, &fields).await;
        assert!(page.status == 403 && page.has("foreign_form"), "{path}");
        let page = reader.post(&path, &fields).await;
        assert!(page.status == 403 && page.has("readers_read"), "{path}");
        let page = stranger.send(&path, &fields).await;
        assert_eq!((page.status, page.location()), (303, "/sign-in"), "{path}");
    }
    assert_eq!(world.status(&id).await.as_deref(), Some("idle"));
    assert_eq!(world.fake.state().asked, Vec::new());
}

#[tokio::test]
async fn a_reader_changes_nothing_and_is_not_offered_to() {
    let world = World::new(&[("POOL_READ_KEY", READ_KEY)]).await;
    let id = world.idle(1).await.remove(0);
    let person = Person::reader(&world).await;
    let page = person.get("/").await;
    assert!(page.has("read only") && page.has(id.as_str()));
    assert!(!page.has("Drain") && !page.has("Kill"));
    for (path, fields) in [
        ("/drain", &[("count", "1")][..]),
        ("/replenish", &[("count", "1")]),
        (&format!("/instances/{id}/kill"), &[]),
        (&format!("/instances/{id}/redeploy"), &[]),
    ] {
        for page in [person.get(path).await, person.post(path, fields).await] {
            assert_eq!(page.status, 403, "{path}");
            assert!(
                page.has("readers_read") && page.has("POOL_API_KEY"),
                "{path}"
            );
        }
    }
    assert_eq!(world.status(&id).await.as_deref(), Some("idle"));
    let page = person.post("/sign-out", &[]).await;
    assert_eq!(
        (page.status, page.location()),
        (303, "/sign-in"),
        "a reader may sign out"
    );
}

#[tokio::test]
async fn every_page_is_guarded_by_its_headers() {
    let world = World::new(&[]).await;
    let person = Person::operator(&world).await;
    for path in ["/", "/sign-in", "/nowhere"] {
        let page = person.get(path).await;
        let policy = page.headers["content-security-policy"].to_str().unwrap();
        assert!(
            policy.contains("default-src 'none'") && !policy.contains("unsafe"),
            "{path}"
        );
        assert_eq!(page.headers["x-content-type-options"], "nosniff", "{path}");
        assert_eq!(page.headers["cache-control"], "no-store", "{path}");
    }
}

#[tokio::test]
async fn the_cookie_goes_over_tls_alone_where_the_request_did() {
    let world = World::new(&[]).await;
    let person = Person::stranger(&world);
    let sign_in = || person.form("/sign-in", &[("key", KEY)]);
    let plain = person.page(sign_in()).await;
    assert!(
        !plain.headers[SET_COOKIE]
            .to_str()
            .unwrap()
            .contains("Secure")
    );
    let proxied = person
        .page(sign_in().header("x-forwarded-proto", "https"))
        .await;
    assert!(
        proxied.headers[SET_COOKIE]
            .to_str()
            .unwrap()
            .contains("Secure")
    );
}

#[tokio::test]
async fn files_are_kept_as_long_as_they_are_the_same() {
    let world = World::new(&[]).await;
    let person = Person::stranger(&world);
    let page = person.get("/sign-in").await;
    let path = page
        .html
        .split("rel=\"stylesheet\" href=\"")
        .nth(1)
        .unwrap();
    let path = path.split('"').next().unwrap();
    let style = person.get(path).await;
    assert_eq!(style.headers["content-type"], "text/css; charset=utf-8");
    assert!(
        style.headers["cache-control"]
            .to_str()
            .unwrap()
            .contains("immutable")
    );
    let again = world.http.get(format!("{}{path}", world.url));
    let again = person
        .page(again.header("if-none-match", &style.headers[ETAG]))
        .await;
    assert_eq!((again.status, again.html.as_str()), (304, ""));
    let other = person.get("/assets/0/dashboard.css").await;
    assert_eq!(
        (other.status, &other.headers["cache-control"]),
        (200, &"no-cache".parse().unwrap())
    );
    assert_eq!(person.get("/assets/0/none.css").await.status, 404);
}

#[tokio::test]
async fn an_unknown_path_is_a_page_or_json() {
    let world = World::new(&[]).await;
    let page = Person::stranger(&world).get("/nowhere").await;
    assert_eq!(page.status, 404);
    assert!(page.has("<h1>Not Found</h1>"));
    let answer = world.send("GET", "/nowhere", "").await;
    answer.is_problem(404, "unknown_route");
    let answer = Person::stranger(&world).get("/api/pool/nowhere").await;
    assert!(answer.has("\"unknown_route\""));
}

#[tokio::test]
async fn guessing_keys_at_the_sign_in_form_is_slowed_down() {
    let world = World::new(&[]).await;
    let person = Person::stranger(&world);
    let mut statuses = Vec::new();
    // No longer than that: after three seconds another guess is allowed.
    while statuses.last() != Some(&429) && statuses.len() < 40 {
        let page = person
            .send("/sign-in", &[("key", "a wrong key of 20 c.")])
            .await;
        statuses.push(page.status);
    }
    assert_eq!(statuses[0], 403);
    assert_eq!(statuses.last(), Some(&429), "{statuses:?}");
    let held_back = person.send("/sign-in", &[("key", KEY)]).await;
    assert!(held_back.status == 429 && held_back.has("too_many_wrong_keys"));
}
