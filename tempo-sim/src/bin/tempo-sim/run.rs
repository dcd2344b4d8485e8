//! `sim run`: one run and its trace.

use std::{fs, path::PathBuf, process::ExitCode};

use clap::Args;
use tempo_sim::{
    Fault, Plan, Profile, Trace,
    trace::{Step, What},
};

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Seed of the run
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Service to simulate; `sim profiles` lists them
    #[arg(long, default_value = "chaos", value_parser = crate::profile)]
    profile: &'static Profile,
    /// Number of members
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u8).range(1..=32))]
    members: u8,
    /// Number of messages
    #[arg(long, default_value_t = 20)]
    messages: usize,
    /// Faults in place of those that the seed selects: `none`, or a comma-separated list
    #[arg(long, value_delimiter = ',', value_parser = fault)]
    faults: Option<Vec<Option<Fault>>>,
    /// Print everything that happens
    #[arg(long)]
    story: bool,
    /// Draw the run into this file, as one page for a browser
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    let mut plan =
        Plan::from_seed(arguments.seed, arguments.profile, usize::from(arguments.members), arguments.messages);
    if let Some(faults) = &arguments.faults {
        plan.faults = faults.iter().flatten().copied().collect();
    }
    let outcome = plan.execute(arguments.story || arguments.html.is_some());
    say!("seed {}, {} members, {} messages over {}", plan.seed, plan.members, plan.messages, plan.profile.name);
    say!("faults: {:?}", plan.faults);
    if let Some(trace) = &outcome.trace {
        if arguments.story {
            tell(trace);
        }
        if let Some(file) = &arguments.html {
            if let Err(error) = fs::write(file, tempo_sim::html::render(trace)) {
                eprintln!("sim: cannot write {}: {error}", file.display());
                return ExitCode::from(2);
            }
            say!("drawn into {}", file.display());
        }
    }
    for (what, count) in outcome.counts.iter() {
        say!("{count:>7}  {what}");
    }
    say!("hash {:016x}", outcome.hash);
    match outcome.failure {
        None => {
            say!("all members agree");
            ExitCode::SUCCESS
        }
        Some(violation) => {
            say!("FAILED  {violation}");
            ExitCode::from(1)
        }
    }
}

/// Returns the fault with a name on the command line; `none` gives `None`.
fn fault(name: &str) -> Result<Option<Fault>, String> {
    let named = |fault: &Fault| format!("{fault:?}").to_lowercase();
    match Fault::ALL.iter().find(|fault| named(fault) == name) {
        None if name != "none" => Err(format!(
            "unknown fault; the faults are {}",
            Fault::ALL.iter().map(named).collect::<Vec<_>>().join(", ")
        )),
        found => Ok(found.copied()),
    }
}

fn tell(trace: &Trace) {
    let name = |member: usize| trace.members.get(member).map_or("?", String::as_str);
    let message = |number: usize| {
        trace.messages.get(number).map_or_else(String::new, |sent| format!("{} #{}", name(sent.member), sent.counter))
    };
    for Step { at, member, what } in &trace.steps {
        let what = match what {
            What::Send(number) => format!("sends {}", message(*number)),
            What::Publish(number) => format!("publishes {}", message(*number)),
            What::Arrive(number) => format!("receives the file of {}", message(*number)),
            What::Hold(number) => format!("holds {}", message(*number)),
            What::Deliver { message: number, position } => format!("delivers {} at {position}", message(*number)),
            What::Crash => "loses power".to_owned(),
            What::Restart => "starts".to_owned(),
            What::Offline => "is offline".to_owned(),
            What::Online => "is online".to_owned(),
            What::Unmounted => "loses its folder".to_owned(),
            What::Mounted => "has its folder back".to_owned(),
            What::ConflictCopy(name) => format!("receives a conflict copy: {name}"),
            What::Fault(what) => what.clone(),
            _ => "other event".to_owned(),
        };
        say!("{:>10.3}  {:<5} {what}", at.as_secs_f64(), name(*member));
    }
}
