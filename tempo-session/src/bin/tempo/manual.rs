//! `tempo completions` and `tempo man`: what a shell and a manual know of the command.

use std::{
    io::{self, Write},
    path::Path,
};

use clap::CommandFactory;
use clap_complete::Shell;
use clap_mangen::Man;

use crate::{arguments::Tempo, failure::Failure};

pub(crate) fn completions(shell: Shell) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Tempo::command(), "tempo", &mut script);
    print(&script)
}

/// Prints the manual page, or writes the pages of all commands into a directory.
pub(crate) fn pages(to: Option<&Path>) -> Result<(), Failure> {
    if let Some(dir) = to {
        return clap_mangen::generate_to(Tempo::command(), dir).map_err(Failure::Output);
    }
    let mut page = Vec::new();
    Man::new(Tempo::command()).render(&mut page).map_err(Failure::Output)?;
    print(&page)
}

fn print(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(bytes).and_then(|()| out.flush()).map_err(Failure::Output)
}
