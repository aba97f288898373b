//! One HTTP call at a time: sends it under its time limits, looks at the cancel token all along.
//!
//! It knows statuses, not JSON.

use std::sync::Arc;

use bytes::Bytes;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Client, Method, Response, StatusCode};
use tokio::time::{Instant, timeout, timeout_at};
use zeroize::Zeroizing;

use super::failure::{self, CANCELLED, TIMED_OUT, TOO_LARGE};
use super::limits::TimeLimits;
use super::tls::{self, Trust};
use crate::cancel::CancelToken;
use crate::error::{Error, Result};
use crate::model::hub::HubUrl;
use crate::model::peer::CloudAddress;
use crate::model::pins::SpkiPins;
use crate::ports::Clock;

/// A request, ready to go.
pub(super) struct Request {
    method: Method,
    path: String,
    authorization: Option<HeaderValue>,
    body: Option<Bytes>,
}

impl Request {
    pub(super) fn get(path: String) -> Self {
        Self {
            method: Method::GET,
            path,
            authorization: None,
            body: None,
        }
    }

    /// A post of JSON.
    pub(super) fn post(path: String, body: Bytes) -> Self {
        Self {
            method: Method::POST,
            path,
            authorization: None,
            body: Some(body),
        }
    }

    pub(super) fn authorized(mut self, authorization: HeaderValue) -> Self {
        self.authorization = Some(authorization);
        self
    }
}

/// A client for one server.
#[derive(Clone, Debug)]
pub(super) struct HttpClient {
    client: Client,
    base: String,
    limits: TimeLimits,
}

impl HttpClient {
    pub(super) fn new(
        address: &CloudAddress,
        pins: Option<&SpkiPins>,
        clock: Arc<dyn Clock>,
        limits: TimeLimits,
    ) -> Result<Self> {
        let tls = tls::config(Trust {
            private_ca_pem: address.private_ca_pem.as_deref(),
            pins,
            clock,
        })?;
        Self::build(address.url.as_str(), tls, limits, true)
    }

    /// For a hub, the one peer that is spoken to without TLS. What is secret is sealed before it
    /// gets here.
    pub(super) fn for_hub(url: &HubUrl, clock: Arc<dyn Clock>, limits: TimeLimits) -> Result<Self> {
        // The client cannot be built without TLS, though this one never speaks it.
        let tls = tls::config(Trust {
            private_ca_pem: None,
            pins: None,
            clock,
        })?;
        Self::build(url.as_str(), tls, limits, false)
    }

    fn build(
        base: &str,
        tls: rustls::ClientConfig,
        limits: TimeLimits,
        https_only: bool,
    ) -> Result<Self> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        // No proxy of the environment: it could be told to read along, and nobody asked for it.
        // No retries: whether to try again is not for this room to decide.
        let client = Client::builder()
            .tls_backend_preconfigured(tls)
            .https_only(https_only)
            .http1_only()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .no_proxy()
            .user_agent(concat!("amana/", env!("CARGO_PKG_VERSION")))
            .default_headers(headers)
            .connect_timeout(limits.connect)
            .build()
            .map_err(|_| Error::internal("the HTTP client cannot be set up"))?;
        Ok(Self {
            client,
            base: base.to_owned(),
            limits,
        })
    }

    /// Sends, and waits for the head of the reply, whatever its status.
    pub(super) async fn open(&self, request: Request, cancel: CancelToken) -> Result<Reply> {
        cancel.check()?;
        let body = request.body.as_ref().map_or(0, Bytes::len);
        let deadline = Instant::now() + self.limits.whole + TimeLimits::to_carry(body);
        let url = format!("{}{}", self.base, request.path);
        let mut builder = self.client.request(request.method, url);
        if let Some(authorization) = request.authorization {
            builder = builder.header(AUTHORIZATION, authorization);
        }
        if let Some(body) = request.body {
            builder = builder.header(CONTENT_TYPE, "application/json").body(body);
        }
        let sent = timeout(self.limits.until_head(body), builder.send());
        let response = tokio::select! {
            biased;
            () = cancel.cancelled() => return Err(CANCELLED),
            sent = sent => sent
                .map_err(|_| TIMED_OUT)?
                .map_err(|error| failure::from_client(&error))?,
        };
        Ok(Reply {
            response,
            cancel,
            deadline,
            limits: self.limits,
        })
    }
}

/// The head of a reply, its body still to come.
pub(super) struct Reply {
    response: Response,
    cancel: CancelToken,
    deadline: Instant,
    limits: TimeLimits,
}

impl Reply {
    pub(super) fn status(&self) -> u16 {
        self.response.status().as_u16()
    }

    /// Status and headers.
    pub(super) fn head(&self) -> (StatusCode, HeaderMap) {
        (self.response.status(), self.response.headers().clone())
    }

    /// This reply if its status is 200, else what the status means.
    pub(super) fn accepted(self) -> Result<Self> {
        match self.response.status() {
            StatusCode::OK => Ok(self),
            status => Err(failure::from_status(status, self.response.headers())),
        }
    }

    /// The next bytes of the body, none at its proper end.
    pub(super) async fn next_chunk(&mut self) -> Result<Option<Bytes>> {
        self.cancel.check()?;
        let limit = self.deadline.min(Instant::now() + self.limits.idle);
        let chunk = tokio::select! {
            biased;
            () = self.cancel.cancelled() => Err(CANCELLED),
            chunk = timeout_at(limit, self.response.chunk()) => chunk
                .map_err(|_| TIMED_OUT)?
                .map_err(|error| failure::from_client(&error)),
        }?;
        self.deadline += TimeLimits::to_carry(chunk.as_ref().map_or(0, Bytes::len));
        Ok(chunk)
    }

    /// When the whole call must be over, unless more bytes come.
    pub(super) const fn deadline(&self) -> Instant {
        self.deadline
    }

    /// The whole of a small body. It may hold a secret, so it leaves no copy behind.
    pub(super) async fn read_small(mut self, limit: usize) -> Result<Zeroizing<Vec<u8>>> {
        // Room for all of it at once: growing would leave copies.
        let mut body = Zeroizing::new(Vec::with_capacity(limit));
        while let Some(chunk) = self.next_chunk().await? {
            if body.len() + chunk.len() > limit {
                return Err(TOO_LARGE);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }
}
