//! Ctrl-C and the request to end: every process goes, and the story ends with an error, so that
//! handles and temporary folders are dropped as always.

use tokio::signal::unix::{SignalKind, signal};

use crate::error::{Doing as _, Result};
use crate::processes::Processes;

/// Listens on a thread of its own until the program ends.
pub fn listen(processes: &Processes) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .doing("signals cannot be listened to")?;
    let processes = processes.clone();
    // Registered here, on the caller's thread: no signal is missed once this returns.
    let entered = runtime.enter();
    let mut interrupt = signal(SignalKind::interrupt()).doing("SIGINT")?;
    let mut terminate = signal(SignalKind::terminate()).doing("SIGTERM")?;
    let mut hang_up = signal(SignalKind::hangup()).doing("SIGHUP")?;
    drop(entered);
    std::thread::spawn(move || {
        runtime.block_on(async {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
                _ = hang_up.recv() => {}
            }
        });
        processes.stop();
    });
    Ok(())
}
