//! Live queries as apps see them.

use std::sync::Arc;

use amana_core::Error;
use amana_core::ports::QueryListener;

use crate::error::AmanaError;
use crate::guard::at_once;
use crate::listeners::Observation;
use crate::vault::Vault;

/// Hears the pages of a live query. Called on a thread of its own, and never twice at once: while a
/// call lasts, the query does not run, and what is written meanwhile comes as one page afterwards. So
/// a slow app hears less often, nothing piles up, and no write waits for it.
#[uniffi::export(with_foreign)]
pub trait QueryObserver: Send + Sync {
    /// The page, as `query` gives it: at the start, and each time it has become another one.
    fn changed(&self, page: String);
    /// The query could not run, for example since the vault is locked. It goes on: it runs again at the
    /// next change of its table, and after an unlock.
    fn failed(&self, error: AmanaError);
}

struct QueryAdapter(Arc<dyn QueryObserver>);

impl QueryListener for QueryAdapter {
    fn result(&self, page: &str) {
        self.0.changed(page.to_owned());
    }

    fn failed(&self, error: &Error) {
        self.0.failed(error.clone().into());
    }
}

#[uniffi::export]
impl Vault {
    /// Runs a query now, and again when a transaction has touched its table, until it is stopped. A
    /// call of the observer that has begun when it is stopped still ends. Is no use of the vault: the
    /// idle lock goes on. Returns at once; the first page is for the observer too.
    ///
    /// # Errors
    /// `invalid_input` for a query or a table that is not one, `forbidden_table`. Whatever goes wrong
    /// later, `failed` hears.
    pub fn watch_query(
        &self,
        table: String,
        query: String,
        observer: Arc<dyn QueryObserver>,
    ) -> Result<Arc<Observation>, AmanaError> {
        at_once(|| {
            let listener = Arc::new(QueryAdapter(observer));
            let live = self.amana.watch_query(&table, &query, listener)?;
            Ok(Arc::new(Observation::new(live)))
        })
    }
}
