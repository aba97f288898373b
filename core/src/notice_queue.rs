//! The notices on their way to listeners: in order, and bounded. A listener that is slow holds up
//! nobody who writes: from [`MAX_WAITING`] on, what it has not heard yet is drawn together.
//!
//! Records by source (this device, or a peer), their ids united, or left out where they are too many;
//! values by namespace, their keys likewise; of the vault's states only the newest is left, in its
//! place; damage is told once. So nothing that changed stays untold, and what waits is at most
//! [`MAX_WAITING`] and one for each source and namespace, one state and one damage.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::model::notice::{ChangeNotice, MAX_NOTICE_IDS, Notice};

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
    /// Adds a notice to the last one that it can be one with; gives it back where there is none.
    fn draw_together(&mut self, notice: Notice) -> Option<Notice> {
        let mut last = self.waiting.iter_mut().rev();
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
            Notice::Kv(more) => {
                let same = last
                    .filter_map(|waiting| match waiting {
                        Notice::Kv(waiting) => Some(waiting),
                        _ => None,
                    })
                    .find(|waiting| waiting.namespace == more.namespace);
                match same {
                    Some(waiting) => {
                        waiting.keys = union(waiting.keys.take(), more.keys);
                        None
                    }
                    None => Some(Notice::Kv(more)),
                }
            }
            Notice::Damage => (!last.any(|waiting| *waiting == Notice::Damage)).then_some(notice),
            Notice::State(_) => {
                // Those before it are over.
                self.waiting
                    .retain(|waiting| !matches!(waiting, Notice::State(_)));
                Some(notice)
            }
        }
    }
}

fn add(waiting: &mut ChangeNotice, more: ChangeNotice) {
    waiting.revision = waiting.revision.max(more.revision);
    for table in more.tables {
        match waiting.tables.iter_mut().find(|t| t.table == table.table) {
            Some(known) => known.ids = union(known.ids.take(), table.ids),
            None => waiting.tables.push(table),
        }
    }
}

/// The ids or keys of both; none, which stands for any, where they are too many.
fn union(known: Option<Vec<String>>, more: Option<Vec<String>>) -> Option<Vec<String>> {
    let mut ids = known?;
    ids.extend(more?);
    ids.sort_unstable();
    ids.dedup();
    (ids.len() <= MAX_NOTICE_IDS).then_some(ids)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::kv::{KvNamespace, KvNotice};
    use crate::model::notice::{TableNotice, VaultState};

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

    fn drained(queue: &NoticeQueue) -> Vec<Notice> {
        queue.close();
        std::iter::from_fn(|| queue.next()).collect()
    }

    #[test]
    fn values_are_drawn_together_by_namespace() {
        let queue = NoticeQueue::default();
        let namespaces = [
            KvNamespace::Stored("settings".into()),
            KvNamespace::Session("settings".into()),
        ];
        let set = |namespace: &KvNamespace, key: usize| {
            Notice::Kv(KvNotice::new(namespace.clone(), vec![key.to_string()]))
        };
        for key in 0..500 {
            for namespace in &namespaces {
                queue.push(set(namespace, key));
            }
        }
        let other = KvNamespace::Stored("tokens".into());
        for key in 0..5_000 {
            queue.push(set(&other, key));
        }
        let waiting = drained(&queue);
        assert_eq!(waiting.len(), MAX_WAITING + 1);
        let heard_of = |namespace: &KvNamespace| {
            let of = waiting.iter().filter_map(|notice| match notice {
                Notice::Kv(notice) if notice.namespace == *namespace => Some(&notice.keys),
                _ => None,
            });
            let mut keys = std::collections::BTreeSet::new();
            let any = of.fold(false, |any, some| {
                keys.extend(some.iter().flatten());
                any || some.is_none()
            });
            (keys.len(), any)
        };
        for namespace in &namespaces {
            assert_eq!(heard_of(namespace), (500, false));
        }
        assert_eq!(heard_of(&other), (0, true), "too many keys are any");
    }

    #[test]
    fn of_many_states_the_newest_is_left_behind_what_came_before_it() {
        let queue = NoticeQueue::default();
        for _ in 0..1_000 {
            queue.push(Notice::State(VaultState::Unlocked));
            queue.push(Notice::State(VaultState::Locked));
        }
        queue.push(records(1, false, "a"));
        for _ in 0..MAX_WAITING {
            queue.push(Notice::Damage);
        }
        queue.push(Notice::State(VaultState::Closed));
        let waiting = drained(&queue);
        assert!(waiting.len() <= MAX_WAITING + 2, "{}", waiting.len());
        let states: Vec<&Notice> = waiting
            .iter()
            .filter(|notice| matches!(notice, Notice::State(_)))
            .collect();
        assert_eq!(states, [&Notice::State(VaultState::Closed)]);
        assert_eq!(waiting.last(), states.last().copied());
        assert!(waiting.contains(&records(1, false, "a")));
        assert!(waiting.contains(&Notice::Damage));
    }
}
