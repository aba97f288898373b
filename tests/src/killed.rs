//! Processes that are killed: a vault that another process can open, and that process; and the server.
//! The test says when they die; nothing here waits for a time to pass.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{self, ChildStdout, Command, Stdio};

use amana_core::cancel::CancelToken;
use amana_core::model::peer::Credentials;
use amana_core::secret::SecretText;
use amana_core::{Amana, Config, System, host_key_store};
use amana_peer::Peer;
use pollster::block_on;

use crate::{PASSWORD, address};

/// A vault whose keys are in a folder, so that another process can open it.
pub struct Place {
    directory: PathBuf,
}

impl Place {
    /// The vault and its keys are below this directory, which need not exist.
    #[must_use]
    pub const fn at(directory: PathBuf) -> Self {
        Self { directory }
    }

    /// Makes the vault, or opens it.
    #[must_use]
    pub fn open(&self) -> Amana {
        let keys = host_key_store(&self.keys()).expect("a folder for keys");
        Amana::open(Config::new(self.vault()), keys, System::real()).expect("the vault opens")
    }

    /// The same, and the clinic's first user signs in.
    #[must_use]
    pub fn signed_in(&self, peer: &Peer) -> Amana {
        let amana = self.open();
        let password = SecretText::new(PASSWORD.to_owned());
        let credentials = Credentials::new("amal@clinic.example".to_owned(), password)
            .expect("an address and a password");
        block_on(amana.sign_in(address(peer), credentials, CancelToken::new()))
            .expect("the first user signs in");
        amana
    }

    /// The vault's directory.
    #[must_use]
    pub fn vault(&self) -> PathBuf {
        self.directory.join("vault")
    }

    fn keys(&self) -> PathBuf {
        self.directory.join("keys")
    }

    /// The same vault and keys once more.
    #[must_use]
    pub fn copy_to(&self, directory: PathBuf) -> Self {
        copy(&self.directory, &directory);
        Self { directory }
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a directory");
    for entry in std::fs::read_dir(from).expect("the directory is readable") {
        let entry = entry.expect("the entry is readable");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).expect("the file is copied");
        }
    }
}

/// A program that tells in lines where it is. Outlives no failure of the test.
pub struct Child {
    process: process::Child,
    out: BufReader<ChildStdout>,
}

impl Child {
    /// Starts `amana-held`: a sync of this place, which nobody else may have open. `at` is where it can
    /// stop, as the program calls it.
    #[must_use]
    pub fn sync(program: &str, at: &str, place: &Place) -> Self {
        let mut command = Command::new(program);
        command.args(["--at", at]);
        Self::start(command.args([place.vault(), place.keys()]))
    }

    /// Starts `amana-peer`, which must have been built beside this program of the same workspace. It
    /// ends with the test at the latest.
    #[must_use]
    pub fn peer(beside: &str, arguments: &[&OsStr]) -> Self {
        let program = Path::new(beside).with_file_name("amana-peer");
        assert!(
            program.is_file(),
            "{} is not there: build the programs first (cargo build --workspace --bins)",
            program.display()
        );
        let mut command = Command::new(program);
        Self::start(command.args(arguments).arg("--until-stdin-closes"))
    }

    fn start(command: &mut Command) -> Self {
        let mut process = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program starts");
        let out = process.stdout.take().expect("its output is ours");
        Self {
            process,
            out: BufReader::new(out),
        }
    }

    /// The next line that it prints; empty where it has ended.
    pub fn said(&mut self) -> String {
        let mut line = String::new();
        self.out.read_line(&mut line).expect("it prints text");
        line.trim_end().to_owned()
    }

    /// Tells it to stop at its next chance.
    pub fn stop_there(&mut self) {
        let input = self.process.stdin.as_mut().expect("its input is ours");
        input.write_all(b"stop\n").expect("it listens");
    }

    /// SIGKILL, while it still runs.
    pub fn kill(mut self) {
        self.process.kill().expect("it runs");
        let status = self.process.wait().expect("it was ours");
        assert_eq!(status.signal(), Some(9), "it had ended by itself");
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
