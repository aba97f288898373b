//! The hub, seen by the sync engine.

use std::fmt;
use std::io::Write;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value as Json;
use zeroize::Zeroizing;

use super::channel::Route;
use super::client::{Call, HubClient};
use super::hint::Hint;
use super::login::HubToken;
use super::session::{Answer, Authentic};
use crate::cancel::CancelToken;
use crate::error::{Error, ErrorCode, Result};
use crate::model::change_set::{
    OutboxKind, OutboxRow, PullReply, PullRequest, PushFailure, RemoteRow,
};
use crate::model::dates;
use crate::model::ids::RecordId;
use crate::model::peer::Credentials;
use crate::model::schema::TableIndex;
use crate::ports::{ChangeSink, SyncPeer};
use crate::transport::limits::{MAX_SMALL_REPLY, SizeLimits};
use crate::transport::wire::{self, Decoder};

/// Everything, deletions included: rows stamped 0 would be missed with 0.
const FROM_THE_BEGINNING: i64 = -1;

/// In whose name to sync.
#[derive(Debug)]
pub struct HubLogin {
    /// Their id.
    pub own_user_id: String,
    /// To sign in when the token is over; without them a person has to.
    pub credentials: Option<Credentials>,
    /// The token of before.
    pub token: Option<HubToken>,
}

/// A paired hub, in the name of a person.
pub struct HubPeer {
    client: Arc<HubClient>,
    own_user_id: String,
    credentials: Option<Credentials>,
    token: Mutex<Option<Arc<HubToken>>>,
}

impl HubPeer {
    pub(super) fn new(client: Arc<HubClient>, login: HubLogin) -> Self {
        Self {
            client,
            own_user_id: login.own_user_id,
            credentials: login.credentials,
            token: Mutex::new(login.token.map(Arc::new)),
        }
    }

    /// The token that was used last, to be kept for the next sync.
    pub fn token(&self) -> Option<Arc<HubToken>> {
        self.held().clone()
    }

    fn held(&self) -> MutexGuard<'_, Option<Arc<HubToken>>> {
        self.token.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A token worth sending, which is signed in for where there is none.
    fn usable_token(&self, call: &mut Call<'_>) -> Result<Arc<HubToken>> {
        let clock = &*self.client.parts.clock;
        if let Some(token) = self.token().filter(|token| token.is_fresh(clock)) {
            return Ok(token);
        }
        let credentials = self
            .credentials
            .as_ref()
            .filter(|_| call.may_sign_in)
            .ok_or_else(|| Hint::Token.into_error())?;
        let signed_in = call.sign_in(credentials)?;
        let expected = RecordId::from_peer(&self.own_user_id);
        if expected.is_none_or(|id| id.as_str() != signed_in.person.id) {
            return Err(Error::new(
                ErrorCode::Unauthorized,
                "the hub knows this e-mail as somebody else's",
            ));
        }
        let token = Arc::new(signed_in.token);
        *self.held() = Some(Arc::clone(&token));
        Ok(token)
    }

    /// One sealed request with a token; signs in once more where the hub does not take it.
    fn ask(
        &self,
        call: &mut Call<'_>,
        route: Route,
        text: &dyn Fn(&HubToken) -> Result<Zeroizing<Vec<u8>>>,
        limit: u64,
        on_bytes: &mut dyn FnMut(u64),
    ) -> Result<Authentic, Hint> {
        loop {
            let token = self.usable_token(call).map_err(Hint::Failed)?;
            let answer = call
                .ask(route, &|| text(&token), limit, on_bytes)
                .map_err(Hint::Failed)?;
            match answer {
                Answer::Opened(reply) => return Ok(*reply),
                Answer::Hint(Hint::Token) if call.may_sign_in => *self.held() = None,
                Answer::Hint(hint) => return Err(hint),
            }
        }
    }

    fn push_request(&self, call: &mut Call<'_>, piece: &[OutboxRow]) -> Result<(), PushFailure> {
        let changes =
            wire::encode_for_hub(&self.client.parts.schema, piece).map_err(|error| match error
                .code()
            {
                ErrorCode::Internal => PushFailure::Stopped(error),
                _ => PushFailure::Refused(error),
            })?;
        let text = |token: &HubToken| push_text(&changes, token);
        let limit = MAX_SMALL_REPLY as u64;
        let reply = self
            .ask(call, Route::Command, &text, limit, &mut |_| {})
            .map_err(|hint| match hint {
                Hint::Refused(error) => PushFailure::Hinted(error),
                hint => PushFailure::Stopped(hint.into_error()),
            })?;
        let text = reply
            .text
            .read_small(MAX_SMALL_REPLY)
            .map_err(PushFailure::Stopped)?;
        if serde_json::from_slice::<Json>(&text).is_ok_and(|reply| reply.is_object()) {
            Ok(())
        } else {
            Err(PushFailure::Refused(Error::new(
                ErrorCode::Server,
                "the hub did not take the rows",
            )))
        }
    }
}

impl fmt::Debug for HubPeer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HubPeer")
            .field("client", &self.client)
            .finish_non_exhaustive()
    }
}

impl SyncPeer for HubPeer {
    fn pull(
        &self,
        request: &PullRequest,
        sink: &mut dyn ChangeSink,
        on_bytes: &mut dyn FnMut(u64),
        cancel: &CancelToken,
    ) -> Result<PullReply> {
        let full = request.cursor <= 0;
        let cursor = if full {
            FROM_THE_BEGINNING
        } else {
            request.cursor
        };
        let mut call = self.client.call(cancel)?;
        let Authentic { mut text, since_ms } = self
            .ask(
                &mut call,
                Route::Query,
                &|token| pull_text(cursor, token),
                SizeLimits::PULL.body,
                on_bytes,
            )
            .map_err(Hint::into_error)?;
        let schema = &self.client.parts.schema;
        let mut watched = Watched { sink, cancel };
        let mut reply = Decoder::new(schema, &self.own_user_id, &mut watched, SizeLimits::PULL)
            .read(&mut text)?;
        text.finish()?;
        reply.full = full;
        // The hub reads its clock at the end of its work, just before it answers. It may be a small
        // computer that forgets the time without power: its cursor is as good as any, since it stamps
        // its rows by that clock too, but no record gets its time from it.
        if dates::is_plausible(reply.timestamp) {
            reply.skew_ms = reply.timestamp.saturating_sub(since_ms);
        }
        Ok(reply)
    }

    fn push(&self, piece: &[OutboxRow], cancel: &CancelToken) -> Result<(), PushFailure> {
        let mut call = self.client.call(cancel).map_err(PushFailure::Stopped)?;
        for request in requests(piece) {
            self.push_request(&mut call, &request)?;
        }
        Ok(())
    }
}

/// A piece as the requests that carry it. A hub takes the tables of one request in any order, so
/// deletions go table by table, children before their parents: between two of them the hub may meet
/// the cloud, which refuses children without a parent for ever.
fn requests(piece: &[OutboxRow]) -> Vec<Vec<OutboxRow>> {
    let (mut deletions, upserts): (Vec<_>, Vec<_>) = piece
        .iter()
        .cloned()
        .partition(|row| row.kind == OutboxKind::Deleted);
    // The schema has parents before children.
    deletions.sort_by_key(|row| std::cmp::Reverse(row.table));
    let by_table = deletions
        .chunk_by(|a, b| a.table == b.table)
        .map(<[OutboxRow]>::to_vec);
    std::iter::once(upserts)
        .filter(|rows| !rows.is_empty())
        .chain(by_table)
        .collect()
}

fn pull_text(cursor: i64, token: &HubToken) -> Result<Zeroizing<Vec<u8>>> {
    let head = format!(r#"{{"query":"sync_pull","params":{{"last_pulled_at":{cursor}}},"#);
    with_token(head.as_bytes(), token)
}

fn push_text(changes: &[u8], token: &HubToken) -> Result<Zeroizing<Vec<u8>>> {
    let parts = [
        // The hub does not use the time.
        br#"{"command":"sync_push","data":{"last_pulled_at":0,"changes":"#,
        changes,
        b"},",
    ];
    with_token(&parts.concat(), token)
}

fn with_token(head: &[u8], token: &HubToken) -> Result<Zeroizing<Vec<u8>>> {
    const CANNOT: Error = Error::internal("the request cannot be written");
    let token = token.text.expose();
    // Room for all of it at once: growing would leave copies of the token.
    let mut text = Zeroizing::new(Vec::with_capacity(head.len() + 6 * token.len() + 16));
    text.extend_from_slice(head);
    text.write_all(b"\"token\":").map_err(|_| CANNOT)?;
    serde_json::to_writer(&mut *text, token).map_err(|_| CANNOT)?;
    text.push(b'}');
    Ok(text)
}

/// Looks at the cancel token: the network, which else does, has done its part by now.
struct Watched<'a> {
    sink: &'a mut dyn ChangeSink,
    cancel: &'a CancelToken,
}

impl ChangeSink for Watched<'_> {
    fn upsert(&mut self, table: TableIndex, row: RemoteRow) -> Result<()> {
        self.cancel.check()?;
        self.sink.upsert(table, row)
    }

    fn delete(&mut self, table: TableIndex, id: RecordId) -> Result<()> {
        self.cancel.check()?;
        self.sink.delete(table, id)
    }
}
