//! Opens a file on Windows so that no other program can open it, until the standard input ends.
//!
//! `cargo xtask windows` uses it in place of an antivirus, a backup or a sync client.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program that talks to the one that starts it")]

use std::process::ExitCode;

fn main() -> ExitCode {
    match imp::hold() {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("hold: {why}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(windows)]
mod imp {
    use std::env;
    use std::fs::OpenOptions;
    use std::io::{self, Read};
    use std::os::windows::fs::OpenOptionsExt;

    /// Opens the file named by the first argument and shares it with no other program.
    pub(super) fn hold() -> io::Result<()> {
        let file = env::args_os().nth(1).ok_or(io::ErrorKind::InvalidInput)?;
        let held = OpenOptions::new().read(true).share_mode(0).open(file)?;
        println!("ready");
        io::stdin().read_to_end(&mut Vec::new())?;
        drop(held);
        Ok(())
    }
}

#[cfg(not(windows))]
mod imp {
    /// Fails: other systems have no such way to open a file.
    pub(super) fn hold() -> Result<(), &'static str> {
        Err("files are held on Windows only")
    }
}
