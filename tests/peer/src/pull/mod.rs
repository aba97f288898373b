//! Answering a pull: what the caller has seen, which rows are due, and the streamed reply.

mod lists;
mod stream;

use std::sync::Arc;

use axum::body::Body;
use axum::response::Response;

use crate::app::{App, Incoming};
use crate::query::parameter;
use crate::reply::{handler_error, reply};
use crate::value::calendar::DAY_MS;

pub(crate) use lists::Plan;
pub(crate) use stream::Form;

/// The farthest moment that a date can hold, in ms from 1970.
pub(crate) const MOST_MS: f64 = 8.64e15;

/// `GET /api/v2/sync` of an authenticated caller.
pub(crate) async fn pull(app: &Arc<App>, incoming: &Incoming) -> Response {
    let Some(since_ms) = read_since(&incoming.query) else {
        return handler_error();
    };
    let hub = parameter(&incoming.query, "peerType").as_deref() == Some("sync_hub");
    let reply = reply_since(app, since_ms, hub, Form::Plain).await;
    reply.unwrap_or_else(handler_error)
}

/// What is due since a moment, in one of the two forms; nothing where the database cannot be read.
/// A caller who says to be a hub gets more, whoever it is.
pub(crate) async fn reply_since(
    app: &Arc<App>,
    since_ms: i64,
    hub: bool,
    form: Form,
) -> Option<Response> {
    // Before the queries: what commits in between is then seen again, not lost.
    let now_ms = app.now_ms();
    let plan = Plan {
        since_ms,
        history_start_ms: app
            .config
            .max_history_days
            .map(|days| now_ms - i64::from(days) * DAY_MS),
        hub,
        now_ms,
        zone_minutes: app.config.time_zone_minutes,
    };
    let rows = stream::start(Arc::clone(app), plan, form).await?;
    Some(reply(200, "application/json", Body::from_stream(rows)))
}

/// The caller's last pull in ms; missing is 0, not a number is nothing.
fn read_since(query: &str) -> Option<i64> {
    let given = parameter(query, "last_pulled_at")
        .filter(|value| !value.is_empty())
        .or_else(|| parameter(query, "lastPulledAt"));
    let Some(given) = given else {
        return Some(0);
    };
    if given.trim().is_empty() {
        return Some(0);
    }
    let number: f64 = given.trim().parse().ok()?;
    // Also turns away "inf" and "NaN", which the parser knows and a date cannot hold.
    (number.abs() <= MOST_MS).then_some(number as i64)
}

#[cfg(test)]
mod tests {
    use super::read_since;

    #[test]
    fn the_cursor_is_read_from_either_name() {
        assert_eq!(read_since(""), Some(0));
        assert_eq!(read_since("last_pulled_at=12"), Some(12));
        assert_eq!(read_since("lastPulledAt=13"), Some(13));
        assert_eq!(read_since("last_pulled_at=&lastPulledAt=14"), Some(14));
        assert_eq!(read_since("last_pulled_at=1&lastPulledAt=14"), Some(1));
        assert_eq!(read_since("last_pulled_at=12.7"), Some(12));
        for bad in ["abc", "null", "NaN", "Infinity", "1e99", "12x"] {
            assert_eq!(read_since(&format!("last_pulled_at={bad}")), None, "{bad}");
        }
    }
}
