use std::future::Future;

use serde::Deserialize;

use super::{Answer, Reply};
use crate::absent_is_done;

/// One thing of an account that all instances share, such as a messaging profile, known by its name.
///
/// ```
/// # use agent_pool_core::{conformance::{FakeAnswer, FakeRequest}, doctest, prelude::*};
/// # let mut made = vec![json!({ "id": "p-1", "name": "somebody's" })];
/// # let answer = move |asked: &FakeRequest| Some(match asked.method() {
/// #     "GET" => FakeAnswer::json(200, &json!({ "data": made })),
/// #     _ => {
/// #         let one = json!({ "id": format!("p-{}", made.len() + 1), "name": asked.body()["name"] });
/// #         made.push(one.clone());
/// #         FakeAnswer::json(201, &json!({ "data": one }))
/// #     }
/// # });
/// # doctest::vendor(answer).run(async |api| {
/// let named = |given| Shared::named(
///     given, // by a setting
///     "agent-pool-dev",
///     || api.get(["profiles"]).data(),
///     async { api.post(["profiles"]).json(&json!({ "name": "agent-pool-dev" })).data().await },
///     async |id| api.delete(["profiles", &id]).done().await,
/// );
/// assert_eq!(named(None).await?, "p-2", "made, since p-1 is somebody's");
/// assert_eq!(named(None).await?, "p-2", "and found");
/// assert_eq!(named(Some("p-1")).await?, "p-1");
/// # Ok(()) });
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Shared {
    /// The vendor's id.
    pub id: String,
    /// Its name, which need not be the only one.
    pub name: String,
    /// When it was made, as a text that sorts by time.
    #[serde(default)]
    pub created_at: String,
}

impl Shared {
    /// The id that is given, or that of the thing of this name, which is made where there is none. Never is
    /// another's taken, and of two that were made at once the older one stays.
    ///
    /// # Errors
    /// Those of `list`, `make` and `remove`.
    pub async fn named<L, R>(
        given: Option<&str>,
        name: &str,
        list: impl Fn() -> L,
        make: impl Future<Output = Answer<Self>>,
        remove: impl FnOnce(String) -> R,
    ) -> Answer<String>
    where
        L: Future<Output = Answer<Vec<Self>>>,
        R: Future<Output = Answer<Reply>>,
    {
        if let Some(id) = given {
            return Ok(id.to_owned());
        }
        if let Some(id) = oldest(name, list().await?) {
            return Ok(id);
        }
        let made = make.await?.id;
        match oldest(name, list().await?) {
            Some(older) if older != made => {
                absent_is_done(remove(made).await.map(drop))?;
                Ok(older)
            }
            Some(_) | None => Ok(made),
        }
    }
}

fn oldest(name: &str, all: Vec<Shared>) -> Option<String> {
    let named = all.into_iter().filter(|one| one.name == name);
    let oldest = named.min_by(|a, b| (&a.created_at, &a.id).cmp(&(&b.created_at, &b.id)));
    oldest.map(|one| one.id)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::ErrorKind;

    fn shared(id: &str, name: &str, created_at: &str) -> Shared {
        let [id, name, created_at] = [id, name, created_at].map(str::to_owned);
        Shared {
            id,
            name,
            created_at,
        }
    }

    /// What comes of asking for `ours` where a vendor has `before`, and `meanwhile` comes with the new one.
    async fn ask(before: Vec<Shared>, meanwhile: Option<Shared>) -> (String, Vec<Shared>) {
        let all = Mutex::new(before);
        let list = || async { Ok(all.lock().unwrap().clone()) };
        let make = async {
            let made = shared("new", "ours", "2026-02");
            let mut all = all.lock().unwrap();
            all.extend(meanwhile);
            all.push(made.clone());
            Ok(made)
        };
        let remove = |id: String| {
            all.lock().unwrap().retain(|one| one.id != id);
            async { Ok(Reply::sample(200, &[], "")) }
        };
        let id = Shared::named(None, "ours", list, make, remove)
            .await
            .unwrap();
        let left = all.lock().unwrap().clone();
        (id, left)
    }

    #[tokio::test]
    async fn what_is_there_is_taken_and_what_is_not_is_made() {
        let theirs = shared("a", "ours-too", "2025-01");
        let (id, left) = ask(vec![theirs.clone()], None).await;
        assert_eq!((id.as_str(), left.len()), ("new", 2));
        let old = shared("b", "ours", "2026-01");
        let (id, left) = ask(vec![theirs, old], None).await;
        assert_eq!((id.as_str(), left.len()), ("b", 2));
    }

    #[tokio::test]
    async fn what_is_given_is_not_looked_for() {
        let list = || async { Err(ErrorKind::Forbidden.because("no list")) };
        let make = async { Err(ErrorKind::Forbidden.because("nothing new")) };
        let remove = |_| async { Err(ErrorKind::Forbidden.because("nothing to remove")) };
        let id = Shared::named(Some("theirs"), "ours", list, make, remove).await;
        assert_eq!(id.unwrap(), "theirs");
    }

    #[tokio::test]
    async fn of_two_made_at_once_the_older_one_stays() {
        let (id, left) = ask(Vec::new(), Some(shared("twin", "ours", "2026-01"))).await;
        assert_eq!((id.as_str(), left.len()), ("twin", 1));
        let (id, left) = ask(Vec::new(), Some(shared("twin", "ours", "2026-03"))).await;
        assert_eq!(
            (id.as_str(), left.len()),
            ("new", 2),
            "its maker removes it"
        );
    }
}
