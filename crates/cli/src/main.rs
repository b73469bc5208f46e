//! The devproof command. Everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    devproof_cli::main()
}
