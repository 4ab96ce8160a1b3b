//! Every route of an instance.

use std::convert::Infallible;
use std::sync::Arc;

use warp::reply::Reply;
use warp::{Filter, body, get, path, post};

use crate::auth::key;
use crate::http::{asset, headers, unrouted};
use crate::runtime::Runtime;
use crate::{chat, pool};

/// Instructions of 64 KiB, each character of them escaped.
const MAX_PROVISION_BYTES: u64 = 512 * 1024;
/// The longest message, encoded as a form.
const MAX_SAY_BYTES: u64 = 64 * 1024;
const MAX_GUEST_BYTES: u64 = 8 * 1024;

#[rustfmt::skip]
pub(crate) fn routes(
    runtime: &Arc<Runtime>,
) -> impl Filter<Extract = (impl Reply + use<>,), Error = Infallible> + Clone + use<> {
    let key = key(runtime).boxed();
    let runtime = Arc::clone(runtime);
    let runtime = warp::any().map(move || Arc::clone(&runtime)).boxed();
    let limit = body::content_length_limit;

    path!("pool" / "health").boxed().and(get()).and(key.clone()).and(runtime.clone()).then(pool::health).boxed()
        .or(path!("pool" / "provision").boxed().and(post()).and(key.clone()).and(limit(MAX_PROVISION_BYTES)).and(body::bytes()).and(runtime.clone()).then(pool::provision).boxed())
        .or(path!("pool" / "variables").boxed().and(post()).and(key.clone()).and(limit(MAX_PROVISION_BYTES)).and(body::bytes()).and(runtime.clone()).then(pool::variables).boxed())
        .or(path!("pool" / "reset").boxed().and(post()).and(key).and(runtime.clone()).then(pool::reset).boxed())
        .or(path!("c" / String).boxed().and(get()).and(runtime.clone()).then(chat::read).boxed())
        .or(path!("c" / String).boxed().and(post()).and(limit(MAX_SAY_BYTES)).and(body::form()).and(runtime.clone()).then(chat::say).boxed())
        .or(path!("c" / String / "guests").boxed().and(post()).and(limit(MAX_GUEST_BYTES)).and(body::bytes()).and(runtime).then(chat::welcome).boxed())
        .or(path!("chat.css").boxed().and(get()).map(|| asset("text/css", include_str!("chat.css"))).boxed())
        .or(path!("chat.js").boxed().and(get()).map(|| asset("text/javascript", include_str!("chat.js"))).boxed())
        .recover(unrouted)
        .with(warp::reply::with::headers(headers()))
}
