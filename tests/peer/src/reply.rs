//! The shapes of replies: which status, which type, which text.

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use serde_json::{Value, json};

/// A JSON reply sent in chunks, without a length, as the application's own replies are.
pub(crate) fn json_reply(status: u16, value: &Value) -> Response {
    json_text_reply(status, value.to_string())
}

/// The same from a text that is JSON already, for replies whose fields have an order.
pub(crate) fn json_text_reply(status: u16, text: String) -> Response {
    let bytes = Bytes::from(text);
    let stream = futures_util::stream::once(async move { Ok::<_, std::io::Error>(bytes) });
    reply(status, "application/json", Body::from_stream(stream))
}

/// The reply to an error inside a handler.
pub(crate) fn handler_error() -> Response {
    // Written out, because the order of the fields is part of the text.
    let text = r#"{"status":500,"unhandled":true,"message":"HTTPError"}"#;
    reply(500, "application/json;charset=UTF-8", Body::from(text))
}

/// What comes out when an error object is turned into text instead of a reply.
pub(crate) fn object_object() -> Response {
    reply(
        200,
        "text/plain;charset=UTF-8",
        Body::from("[object Object]"),
    )
}

/// Refused by the authentication of sync.
pub(crate) fn unauthorized() -> Response {
    json_reply(401, &json!({"error": "Unauthorized"}))
}

/// Refused by a rate limit.
pub(crate) fn too_many(retry_after_s: i64) -> Response {
    let body = json!({"error": "Too many requests. Please try again later."});
    let mut reply = json_reply(429, &body);
    if let Ok(value) = HeaderValue::from_str(&retry_after_s.to_string()) {
        reply.headers_mut().insert(header::RETRY_AFTER, value);
    }
    reply
}

/// A reply of that status and type.
pub(crate) fn reply(status: u16, content_type: &'static str, body: Body) -> Response {
    let mut reply = Response::new(body);
    *reply.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    reply
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    reply
}
