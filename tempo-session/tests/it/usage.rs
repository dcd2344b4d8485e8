//! What the command says of itself: help, completions, manual pages, colors and exit codes.

use std::fs;

use crate::{
    cli::{run, tempo},
    support::Place,
};

const COMMANDS: [&str; 19] = [
    "chat",
    "completions",
    "demo",
    "doctor",
    "export",
    "files",
    "get",
    "leave",
    "log",
    "man",
    "pack",
    "parts",
    "relay",
    "release",
    "retire",
    "send",
    "sessions",
    "status",
    "watch",
];

fn ok(args: &[&str]) -> String {
    let (out, err, code) = run(tempo(Place::new().at("state").as_path()).args(args));
    assert_eq!((code, err.as_str()), (0, ""), "{args:?}");
    out
}

#[test]
fn the_help_of_each_command_shows_an_example() {
    let help = ok(&["--help"]);
    assert!(help.contains("Exit codes:\n  0  ") && help.contains("--color <WHEN>"), "{help}");
    for command in COMMANDS {
        assert!(help.contains(&format!("\n  {command} ")), "{command} is missing: {help}");
        let help = ok(&[command, "--help"]);
        assert!(help.contains("Example") && help.contains(&format!("\n  tempo {command}")), "{help}");
    }
}

#[test]
fn shells_complete_every_command() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = ok(&["completions", shell]);
        for command in COMMANDS {
            assert!(script.contains(command), "{shell} does not know {command}");
        }
    }
}

#[test]
fn there_is_a_manual_page_for_every_command() {
    let page = ok(&["man"]);
    assert!(page.contains(".TH tempo 1") && page.contains("Exit codes:"), "{page}");
    let place = Place::new();
    let (_, err, code) = run(tempo(&place.at("state")).args(["man", "--to"]).arg(place.dir.path()));
    assert_eq!((code, err.as_str()), (0, ""));
    for command in COMMANDS {
        let page = fs::read_to_string(place.at(&format!("tempo-{command}.1"))).unwrap();
        assert!(page.contains(".SH SYNOPSIS") && page.contains("Example"), "{page}");
    }
    let (_, err, code) = run(tempo(&place.at("state")).args(["man", "--to"]).arg(place.at("nowhere")));
    assert!(code == 2 && err.starts_with("tempo: "), "{err}");
}

#[test]
fn color_is_used_where_it_is_wanted() {
    let place = Place::new();
    place.member("Ana").send("hello").unwrap();
    let log = |flags: &[&str], variables: &[&str]| {
        let mut command = tempo(&place.at("Ana"));
        for variable in ["NO_COLOR", "CLICOLOR_FORCE", "CLICOLOR"] {
            command.env_remove(variable);
        }
        command.envs(variables.iter().map(|variable| (variable, "1")));
        run(command.arg("log").arg(&place.folder).args(flags)).0.contains('\u{1b}')
    };
    assert!(!log(&[], &[]), "the output is a pipe");
    assert!(log(&["--color", "always"], &[]) && log(&["--color=always"], &["NO_COLOR"]));
    assert!(log(&[], &["CLICOLOR_FORCE"]));
    assert!(!log(&[], &["CLICOLOR_FORCE", "NO_COLOR"]));
    assert!(!log(&["--color", "never"], &["CLICOLOR_FORCE"]));
}

#[test]
fn arguments_that_make_no_sense_have_the_exit_code_of_a_failure() {
    let place = Place::new();
    for args in
        [&["dance"][..], &["log"], &["log", "--color", "green", "x.session"], &["export"], &["leave", "x", "--lose"]]
    {
        let (out, err, code) = run(tempo(&place.at("state")).args(args));
        assert!(code == 2 && out.is_empty() && err.starts_with("error: "), "{args:?} {code} {out}{err}");
    }
}
