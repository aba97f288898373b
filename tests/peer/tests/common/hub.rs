//! A device's side of the hub's sealed channel, as far as tests need it. It uses the peer's own
//! seals, which the vectors check.

use amana_peer::hub::crypto::{Key, key_text, open, public_key, read_key, seal, session_key};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

/// A paired device.
pub struct Device {
    pub client_id: String,
    pub key: Key,
    pub token: Option<String>,
    http: Client,
    url: String,
    runtime: Runtime,
}

/// A plain reply.
pub struct Plain {
    pub status: u16,
    pub body: String,
}

/// How a sealed call went.
#[derive(Debug, PartialEq)]
pub enum Answer {
    /// The opened plaintext.
    Opened(Value),
    /// An error that came in clear with status 200.
    Error(String),
    /// Another status, or a reply that could not be opened.
    Broken(u16, String),
}

#[allow(dead_code, reason = "each test file uses what it needs")]
impl Device {
    pub fn new(url: &str, client_id: &str) -> Self {
        // Plain HTTP, but the library wants to know its TLS all the same.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Self {
            client_id: client_id.to_owned(),
            key: [0; 32],
            token: None,
            http: Client::builder().no_proxy().build().unwrap(),
            url: url.to_owned(),
            runtime: tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap(),
        }
    }

    pub fn request(&self, method: Method, target: &str, body: Option<String>) -> Plain {
        self.try_request(method, target, body).unwrap()
    }

    pub fn try_request(
        &self,
        method: Method,
        target: &str,
        body: Option<String>,
    ) -> Result<Plain, reqwest::Error> {
        let mut request = self.http.request(method, format!("{}{target}", self.url));
        if let Some(body) = body {
            request = request
                .header("content-type", "application/json")
                .body(body);
        }
        self.runtime.block_on(async {
            let reply = request.send().await?;
            let status = reply.status().as_u16();
            let body = reply.text().await?;
            Ok(Plain { status, body })
        })
    }

    /// Pairs and gives back the hub's own words. The key is made with the key that the hub shows.
    pub fn handshake(&mut self, private: Key) -> Value {
        let own = public_key(&private);
        let body = json!({"client_id": self.client_id, "client_public_key": key_text(&own)});
        let reply = self.request(Method::POST, "/rpc/handshake", Some(body.to_string()));
        assert_eq!(reply.status, 200, "{}", reply.body);
        let reply: Value = serde_json::from_str(&reply.body).unwrap();
        let hub = read_key(reply["hub_public_key"].as_str().unwrap()).unwrap();
        self.key = session_key(&private, &hub, &hub, &own).unwrap();
        reply
    }

    /// A call on a channel, sealed with that word.
    pub fn call_with(&self, channel: &str, word: &str, plain: &Value) -> Answer {
        let payload = seal(&self.key, word, &[7; 12], plain.to_string().as_bytes());
        self.send(channel, &payload)
    }

    pub fn send(&self, channel: &str, payload: &str) -> Answer {
        let body = json!({"client_id": self.client_id, "payload": payload}).to_string();
        let reply = self.request(Method::POST, &format!("/rpc/{channel}"), Some(body));
        let parsed: Value = serde_json::from_str(&reply.body).unwrap_or(Value::Null);
        if reply.status != 200 {
            return Answer::Broken(reply.status, reply.body);
        }
        if parsed["success"] == false {
            return Answer::Error(parsed["error"].as_str().unwrap().to_owned());
        }
        let payload = parsed["payload"].as_str().unwrap();
        match open(&self.key, &format!("{channel}_response"), payload) {
            Some(plain) => Answer::Opened(serde_json::from_slice(&plain).unwrap()),
            None => Answer::Broken(200, reply.body),
        }
    }

    pub fn call(&self, channel: &str, plain: &Value) -> Answer {
        self.call_with(channel, channel, plain)
    }

    pub fn ping(&self) -> Answer {
        self.call("command", &json!({"command": "ping", "data": {}}))
    }

    pub fn login(&mut self, email: &str, password: &str) -> Answer {
        let data = json!({"email": email, "password": password});
        let answer = self.call("command", &json!({"command": "login", "data": data}));
        if let Answer::Opened(reply) = &answer {
            self.token = reply["token"].as_str().map(str::to_owned);
        }
        answer
    }

    pub fn pull(&self, since: i64) -> Answer {
        let params = json!({"last_pulled_at": since});
        self.call(
            "query",
            &json!({"query": "sync_pull", "params": params, "token": self.token}),
        )
    }

    pub fn push(&self, changes: &Value) -> Answer {
        let data = json!({"last_pulled_at": 0, "changes": changes});
        self.call(
            "command",
            &json!({"command": "sync_push", "data": data, "token": self.token}),
        )
    }
}

impl Answer {
    /// The plaintext, or a panic with what came instead.
    #[allow(dead_code, reason = "each test file uses what it needs")]
    pub fn opened(self) -> Value {
        match self {
            Self::Opened(value) => value,
            other => panic!("{other:?}"),
        }
    }
}
