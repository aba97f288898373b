//! What becomes of a panic: `internal` with file and line, never the panic's text.
//!
//! The text of a panic can hold a patient's data, and the standard hook prints it.

use std::cell::RefCell;
use std::panic;
use std::sync::Once;

use crate::error::Error;

thread_local! {
    static LAST: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Replaces the process's panic hook by one that prints nothing and remembers only where it was.
/// For libraries that live in an app; a host program may prefer to keep its own hook.
pub fn install_hook() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        panic::set_hook(Box::new(|info| {
            let place = info
                .location()
                .map(|l| format!("{}:{}", l.file(), l.line()));
            LAST.with(|last| *last.borrow_mut() = place);
        }));
    });
}

/// The error for a panic that was caught on this thread.
pub fn to_error() -> Error {
    let error = Error::internal("a defect ended the call");
    match LAST.with(|last| last.borrow_mut().take()) {
        Some(place) => error.at(place),
        None => error,
    }
}
