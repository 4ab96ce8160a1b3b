//! Invite links and instructions in Pool's database, with `POOL_ENCRYPTION_KEY` and without.

use agent_pool_service_kit::testing::eventually;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::fake::{Fault, Op};
use crate::world::{SOON, World, answer, replica, settings};

/// 32 bytes, in base64.
const OLD: &str = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";
const NEW: &str = "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=";

/// What must be sealed has a word that is too long to come about in base64 or in an id.
const AGENT: &str = r#"{"agentName": "Tulip", "joinUrl": "https://chat/whispered-link",
                        "instructions": "whispered: the safe is behind the mirror"}"#;
const REFUSED: &str = r#"{"joinUrl": "https://chat/whispered-dead"}"#;
const SEALED: &str = "SELECT string_agg(value, ' ') AS it FROM (
    SELECT invite_url AS value FROM instances WHERE status = 'claimed'
    UNION ALL SELECT instructions FROM instances WHERE status = 'claimed'
    UNION ALL SELECT coalesce(answer, failure) #>> '{}' FROM claim_keys
    UNION ALL SELECT problem #>> '{}' FROM claim_refusals) AS all_of_them";

impl World {
    /// Every row of every table, as text.
    async fn dump(&self) -> String {
        let tables =
            "SELECT string_agg(tablename, ' ') AS it FROM pg_tables WHERE schemaname = 'public'";
        let mut dump = String::new();
        for table in self.ask(tables).await.unwrap().split(' ') {
            let rows = format!("SELECT string_agg(t::text, ' ') AS it FROM \"{table}\" AS t");
            dump += &self.ask(&rows).await.unwrap_or_default();
        }
        dump
    }

    async fn claim_with(&self, key: &str, body: &str) -> crate::world::Answer {
        answer(self.claim_at(&self.url, "", Some(key), body)).await
    }

    /// A claim that succeeds and one that is refused, both with keys.
    async fn fill(&self) -> serde_json::Value {
        self.idle(2).await;
        let claimed = self.claim_with("one", AGENT).await;
        assert_eq!(claimed.status, 200, "{}", claimed.body);
        self.fake
            .fail(Op::Provision, Fault::Refuse(500, "join_failed"));
        let refused = self.claim_with("two", REFUSED).await;
        refused.is_problem(422, "join_failed");
        assert!(
            refused.body["detail"]
                .as_str()
                .unwrap()
                .contains("whispered-dead")
        );
        claimed.body
    }
}

#[tokio::test]
async fn with_a_key_no_table_holds_a_link_or_instructions() {
    let world = World::new(&[("POOL_ENCRYPTION_KEY", OLD)]).await;
    let claimed = world.fill().await;
    let dump = world.dump().await;
    assert!(dump.contains("Tulip") && dump.contains("xc1."), "{dump}");
    assert!(!dump.contains("whispered"), "{dump}");
    // Every reader can decrypt them.
    assert_eq!(world.claim_with("one", AGENT).await.body, claimed);
    assert_eq!(world.claim(AGENT).await.body, claimed);
    let refused = world.claim(REFUSED).await;
    assert!(
        refused.body["detail"]
            .as_str()
            .unwrap()
            .contains("whispered-dead")
    );
    let agents = world.send("GET", "/api/pool/agents", "").await;
    let shown = &agents.body["claimed"][0]["inviteUrl"];
    assert_eq!(*shown, claimed["inviteUrl"]);
}

/// The hash of a guess, as the database would show it.
fn hash_of(guess: &str) -> String {
    let hash = Sha256::digest(guess);
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test]
async fn fingerprints_are_keyed() {
    let guesses = [
        "https://chat/whispered-link",
        "joinUrl https://chat/whispered-dead",
        REFUSED,
    ];
    for (key, confirmed) in [(&[][..], true), (&[("POOL_ENCRYPTION_KEY", OLD)], false)] {
        let world = World::new(key).await;
        world.fill().await;
        let dump = world.dump().await;
        // The request of a key is stored as its JSON without blanks.
        let guesses = guesses.map(|guess| hash_of(&guess.replace(": ", ":")));
        for guess in &guesses {
            assert_eq!(dump.contains(guess), confirmed, "{guess}: {dump}");
        }
    }
}

#[tokio::test]
async fn without_a_key_what_is_stored_is_plain() {
    let world = World::new(&[]).await;
    world.fill().await;
    let dump = world.dump().await;
    for plain in [
        "https://chat/whispered-link",
        "whispered: the safe",
        "whispered-dead",
    ] {
        assert!(dump.contains(plain), "{dump}");
    }
    assert!(!dump.contains("xc1."));
}

#[tokio::test]
async fn what_was_stored_before_a_key_or_under_an_older_one_is_sealed_again_at_start() {
    let world = World::new(&[]).await;
    let claimed = world.fill().await;
    let mut before = world.ask(SEALED).await;
    for keys in [OLD.to_owned(), format!("{NEW},{OLD}")] {
        let more = [("POOL_ENCRYPTION_KEY", keys.as_str())];
        let settings = settings(&world.database, &world.fake.url, &more);
        let restarted = crate::world::Replica::start(&settings).await;
        let joined = answer(world.claim_at(&restarted.url, "", None, AGENT)).await;
        assert_eq!(joined.body, claimed, "readable before it is sealed again");
        let refused = answer(world.claim_at(&restarted.url, "", None, REFUSED)).await;
        refused.is_problem(422, "join_failed");
        let again = answer(world.claim_at(&restarted.url, "", Some("one"), AGENT)).await;
        assert_eq!((again.status, &again.body), (200, &claimed));
        restarted.pool.keep_resealing();
        eventually("all is sealed again", SOON, async || {
            let now = world.ask(SEALED).await.unwrap();
            let was = before.as_deref().unwrap();
            now.split(' ')
                .filter(|value| value.starts_with("xc1."))
                .count()
                == 5
                && now.split(' ').all(|value| !was.contains(value))
        })
        .await;
        before = world.ask(SEALED).await;
        assert!(!world.dump().await.contains("whispered"));
    }
    // With the new key alone, everything is still readable.
    let only = [("POOL_ENCRYPTION_KEY", NEW)];
    let last = replica(&settings(&world.database, &world.fake.url, &only)).await;
    for (key, body) in [(Some("one"), AGENT), (None, AGENT)] {
        let again = answer(world.claim_at(&last, "", key, body)).await;
        assert_eq!((again.status, &again.body), (200, &claimed));
    }
}

#[tokio::test]
async fn without_its_key_a_link_is_not_shown_and_nothing_else_is_hidden() {
    let world = World::new(&[("POOL_ENCRYPTION_KEY", OLD)]).await;
    let claimed = world.fill().await;
    let other = [("POOL_ENCRYPTION_KEY", NEW)];
    let other = replica(&settings(&world.database, &world.fake.url, &other)).await;
    let status = world.http.get(format!("{other}/api/pool/agents"));
    let status = answer(status.bearer_auth(crate::fake::KEY)).await;
    let shown = &status.body["claimed"][0];
    assert_eq!(shown["id"], claimed["instanceId"]);
    assert_eq!(shown["inviteUrl"], json!(null));
    let again = answer(world.claim_at(&other, "", Some("one"), AGENT)).await;
    again.is_problem(500, "secret_unreadable");
}

#[tokio::test]
async fn rekey_seals_everything_now_and_reports_the_counts() {
    let world = World::new(&[("POOL_ENCRYPTION_KEY", OLD)]).await;
    world.fill().await;
    let before = world.ask(SEALED).await.unwrap();
    let database = world.database.url();
    let rekey = async |keys: &str| {
        let output = crate::process::binary()
            .arg("rekey")
            .env("POOL_API_KEY", crate::fake::KEY)
            .env("SERVICES_URL", &world.fake.url)
            .env("POOL_DATABASE_URL", database.as_secret().expose())
            .env("POOL_ENCRYPTION_KEY", keys)
            .output()
            .await
            .unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let said = text(output.stdout) + &text(output.stderr);
        (output.status.success(), said)
    };
    let (done, said) = rekey("").await;
    assert!(
        !done && said.contains("POOL_ENCRYPTION_KEY is not set"),
        "{said}"
    );
    let (done, said) = rekey(NEW).await;
    assert!(!done && said.contains("opens 5 values"), "{said}");
    assert_eq!(world.ask(SEALED).await.unwrap(), before, "nothing is lost");
    // The plain value of the fixture's other row was sealed by the run before.
    for counts in [
        "sealed 5 values with the first key of POOL_ENCRYPTION_KEY; 1 were",
        "sealed 0 values with the first key of POOL_ENCRYPTION_KEY; 6 were",
    ] {
        let (done, said) = rekey(&format!("{NEW},{OLD}")).await;
        assert!(done && said.contains(counts), "{said}");
    }
    let (done, said) = rekey(NEW).await;
    assert!(done && said.contains("sealed 0 values"), "{said}");
}
