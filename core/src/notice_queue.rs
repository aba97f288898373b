//! The notices on their way to listeners: in order, and bounded. A listener that is slow holds up
//! nobody who writes: what it has not heard yet is drawn together.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::model::notice::{ChangeNotice, MAX_NOTICE_IDS, Notice, TableNotice};

/// So many notices wait one by one; more are drawn together.
const MAX_WAITING: usize = 64;

/// A queue with one reader.
#[derive(Default)]
pub(crate) struct NoticeQueue {
    state: Mutex<State>,
    news: Condvar,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Notice>,
    closed: bool,
}

impl NoticeQueue {
    /// Adds a notice; never waits for the reader.
    pub(crate) fn push(&self, notice: Notice) {
        let mut state = self.state();
        let full = state.waiting.len() >= MAX_WAITING;
        if let Some(notice) = if full {
            state.draw_together(notice)
        } else {
            Some(notice)
        } {
            state.waiting.push_back(notice);
        }
        drop(state);
        self.news.notify_one();
    }

    /// The next notice; waits for one. None once the queue is closed and empty.
    pub(crate) fn next(&self) -> Option<Notice> {
        let idle = |state: &mut State| state.waiting.is_empty() && !state.closed;
        let mut state = self
            .news
            .wait_while(self.state(), idle)
            .unwrap_or_else(PoisonError::into_inner);
        state.waiting.pop_front()
    }

    /// What waits is still given out; then the reader ends.
    pub(crate) fn close(&self) {
        self.state().closed = true;
        self.news.notify_one();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Adds a notice to the last one of its kind and source; gives it back where there is none.
    fn draw_together(&mut self, notice: Notice) -> Option<Notice> {
        let last = self.waiting.iter_mut().rev();
        match notice {
            Notice::Records(more) => {
                let same = last
                    .filter_map(|waiting| match waiting {
                        Notice::Records(waiting) => Some(waiting),
                        _ => None,
                    })
                    .find(|waiting| waiting.from_peer == more.from_peer);
                match same {
                    Some(waiting) => {
                        add(waiting, more);
                        None
                    }
                    None => Some(Notice::Records(more)),
                }
            }
            other => Some(other),
        }
    }
}

fn add(waiting: &mut ChangeNotice, more: ChangeNotice) {
    waiting.revision = waiting.revision.max(more.revision);
    for table in more.tables {
        match waiting.tables.iter_mut().find(|t| t.table == table.table) {
            Some(known) => known.ids = union(known, table.ids),
            None => waiting.tables.push(table),
        }
    }
}

fn union(known: &mut TableNotice, more: Option<Vec<String>>) -> Option<Vec<String>> {
    let mut ids = known.ids.take()?;
    ids.extend(more?);
    ids.sort_unstable();
    ids.dedup();
    (ids.len() <= MAX_NOTICE_IDS).then_some(ids)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(revision: i64, from_peer: bool, id: &str) -> Notice {
        Notice::Records(ChangeNotice {
            revision,
            from_peer,
            tables: vec![TableNotice {
                table: "patients".into(),
                ids: Some(vec![id.into()]),
            }],
        })
    }

    #[test]
    fn notices_come_in_order_and_one_by_one_while_the_reader_keeps_up() {
        let queue = NoticeQueue::default();
        for revision in 0..10 {
            queue.push(records(revision, false, "a"));
        }
        for revision in 0..10 {
            assert_eq!(queue.next(), Some(records(revision, false, "a")));
        }
        queue.close();
        assert_eq!(queue.next(), None);
    }

    #[test]
    fn what_a_slow_reader_has_not_heard_is_drawn_together_and_nothing_is_lost() {
        let queue = NoticeQueue::default();
        for revision in 0..5_000 {
            queue.push(records(
                revision,
                revision % 2 == 0,
                &format!("{revision:05}"),
            ));
        }
        queue.close();
        let (mut notices, mut ids, mut whole) = (0, std::collections::BTreeSet::new(), false);
        while let Some(Notice::Records(notice)) = queue.next() {
            notices += 1;
            match &notice.tables[0].ids {
                Some(some) => ids.extend(some.iter().cloned()),
                None => whole = true,
            }
        }
        assert!(notices <= MAX_WAITING + 1, "{notices}");
        assert!(
            whole && ids.len() >= MAX_WAITING / 2,
            "too many ids are none"
        );
    }
}
