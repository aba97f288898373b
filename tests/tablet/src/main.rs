//! One tablet as a program, over Amana's public interface alone.
//!
//! Each command opens the vault, does one thing, and prints one JSON object on standard output.
//! Errors go to standard error as `{"error":{…}}`; the exit status is then 1. Point it at a server
//! of your own with `sign-in --cloud URL --ca FILE`.

mod arguments;
mod commands;
mod kv;
mod patients;

use std::process::ExitCode;

use clap::Parser as _;
use serde_json::json;

#[allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "this is a program's interface"
)]
fn main() -> ExitCode {
    let arguments = arguments::Arguments::parse();
    match pollster::block_on(commands::run(arguments)) {
        Ok(output) => {
            println!("{output}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            let object = json!({"error": {
                "code": error.code().as_str(),
                "detail": error.detail(),
                "at": error.place(),
                "retryable": error.is_retryable(),
                "retry_after_ms": error.retry_after(),
            }});
            eprintln!("{object}");
            ExitCode::FAILURE
        }
    }
}
