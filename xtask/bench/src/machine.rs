//! The machine on which the figures were measured, and its load.

use std::{fs, thread};

use serde_json::{Value, json};

/// A machine, as far as the system describes it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Machine {
    processor: String,
    cores: usize,
    system: String,
    /// The average number of threads that wanted to run during the last minute.
    load: Option<f64>,
}

/// The load above which other programs are at work.
const BUSY: f64 = 0.7;

impl Machine {
    /// Describes this machine. Only Linux reports everything.
    pub(crate) fn this() -> Self {
        let read = |path| fs::read_to_string(path).unwrap_or_default();
        Self {
            processor: processor_in(&read("/proc/cpuinfo")).unwrap_or(std::env::consts::ARCH).to_owned(),
            cores: thread::available_parallelism().map_or(1, usize::from),
            system: format!("{} {}", std::env::consts::OS, read("/proc/sys/kernel/osrelease").trim()).trim().to_owned(),
            load: read("/proc/loadavg").split(' ').next().and_then(|load| load.parse().ok()),
        }
    }

    /// Returns a line for people, and another one if the figures are unreliable.
    pub(crate) fn describe(&self) -> String {
        let Self { processor, cores, system, load } = self;
        let about = format!("{processor}, {cores} cores, {system}");
        match load.filter(|&load| load > BUSY) {
            Some(load) => format!(
                "{about}\nthe machine is busy (load {load}): whatever waits for the disk or for another thread looks \
                 slower than it is, and not always in proportion"
            ),
            None => about,
        }
    }

    pub(crate) fn to_json(&self) -> Value {
        json!({ "processor": self.processor, "cores": self.cores, "system": self.system, "load": self.load })
    }
}

fn processor_in(cpuinfo: &str) -> Option<&str> {
    let model = cpuinfo.lines().find(|line| line.starts_with("model name"))?;
    model.split_once(':').map(|(_, name)| name.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_machine_is_reported() {
        let idle = Machine { processor: "any".to_owned(), cores: 2, system: "linux 6".to_owned(), load: Some(0.2) };
        assert_eq!(idle.describe(), "any, 2 cores, linux 6");
        assert!(Machine { load: Some(3.5), ..idle }.describe().contains("busy (load 3.5)"));
        assert_eq!(processor_in("processor\t: 0\nmodel name\t: Some Core\n"), Some("Some Core"));
    }
}
