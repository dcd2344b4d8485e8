//! Syncthing: a process for each machine, all connected with each other over the loopback interface.

use std::fs;
use std::io;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use super::share::Engine;
use crate::process::{self, Running};

/// The processes, as far as they run.
#[derive(Debug)]
pub(super) struct Syncthing {
    machines: Vec<Machine>,
    logs: PathBuf,
}

#[derive(Debug)]
struct Machine {
    home: PathBuf,
    share: PathBuf,
    /// The id that the others know it by.
    device: String,
    /// The ports on which it listens for others and for commands.
    ports: (u16, u16),
    running: Option<Running>,
}

/// The time limit of a command to it.
const PATIENCE: Duration = Duration::from_secs(60);

impl Syncthing {
    pub(super) fn set_up(place: &Path, machines: usize) -> Result<Self, String> {
        let logs = place.join("logs");
        let ports = free_ports(machines).map_err(|error| format!("no free port: {error}"))?;
        let machines =
            ports.into_iter().enumerate().map(|(number, ports)| Machine::set_up(place, &logs, number, ports));
        let machines = machines.collect::<Result<Vec<_>, _>>()?;
        let known: Vec<_> = machines.iter().map(|machine| (machine.device.clone(), machine.ports.0)).collect();
        for machine in &machines {
            let config = machine.home.join("config.xml");
            fs::write(&config, machine.config(&known)).map_err(|error| format!("{}: {error}", config.display()))?;
        }
        Ok(Self { machines, logs })
    }

    fn machine(&mut self, number: usize) -> Result<&mut Machine, String> {
        self.machines.get_mut(number).ok_or_else(|| format!("there is no machine {number}"))
    }
}

impl Engine for Syncthing {
    fn share(&self, machine: usize) -> PathBuf {
        self.machines.get(machine).map(|machine| machine.share.clone()).unwrap_or_default()
    }

    fn start(&mut self, number: usize) -> Result<(), String> {
        let logs = self.logs.clone();
        let machine = self.machine(number)?;
        let mut command = machine.command(&["serve", "--no-browser", "--no-upgrade"]);
        // Without this there are two processes, and one only watches the other.
        command.env("STMONITORED", "yes");
        let command = process::quietly(&mut command, &logs.join(format!("syncthing-{number}")))?;
        machine.running = Some(Running::start(command)?);
        let deadline = Instant::now() + PATIENCE;
        while machine.ask(&["show", "version"], &logs).is_err() {
            process::pause_until(deadline).map_err(|why| format!("syncthing {number} does not answer: {why}"))?;
        }
        Ok(())
    }

    fn kill(&mut self, number: usize) -> Result<bool, String> {
        Ok(self.machine(number)?.running.take().is_some())
    }

    fn set_online(&mut self, number: usize, online: bool) -> Result<(), String> {
        let paused = if online { "false" } else { "true" };
        let others: Vec<_> = self.machines.iter().map(|machine| machine.device.clone()).collect();
        let logs = self.logs.clone();
        let machine = self.machine(number)?;
        for device in others.iter().filter(|device| **device != machine.device) {
            machine.ask(&["config", "devices", device, "paused", "set", paused], &logs)?;
        }
        Ok(())
    }

    fn set_delay(&mut self, delay: Duration) -> Result<(), String> {
        let (seconds, logs) = (delay.as_secs().to_string(), self.logs.clone());
        for machine in self.machines.iter().filter(|machine| machine.running.is_some()) {
            machine.ask(&["config", "folders", "share", "fswatcher-delays", "set", &seconds], &logs)?;
        }
        Ok(())
    }
}

impl Machine {
    /// Creates a home with keys, and a share.
    fn set_up(place: &Path, logs: &Path, number: usize, ports: (u16, u16)) -> Result<Self, String> {
        let (home, share) = (place.join(format!("syncthing-{number}")), place.join(format!("share-{number}")));
        fs::create_dir_all(&share).map_err(|error| format!("{}: {error}", share.display()))?;
        let mut machine = Self { home, share, device: String::new(), ports, running: None };
        let output = logs.join(format!("syncthing-{number}-generate"));
        let mut generate = machine.command(&["generate", "--no-default-folder", "--skip-port-probing"]);
        process::run(&mut generate, &output, PATIENCE)?.check("syncthing generate")?;
        let said = process::run(&mut machine.command(&["serve", "--device-id"]), &output, PATIENCE)?;
        said.check("syncthing serve --device-id")?.out.trim().clone_into(&mut machine.device);
        Ok(machine)
    }

    /// Returns a configuration that gives every machine the fixed addresses of all others. Nothing is
    /// announced, and nothing outside is contacted.
    fn config(&self, known: &[(String, u16)]) -> String {
        let device = |(id, port): &(String, u16)| {
            format!(r#"<device id="{id}"><address>tcp://127.0.0.1:{port}</address></device>"#)
        };
        let devices = known.iter().map(device).collect::<Vec<_>>().join("\n");
        let member = |(id, _): &(String, u16)| format!(r#"<device id="{id}"/>"#);
        let members = known.iter().map(member).collect::<Vec<_>>().join("\n");
        let (listens, takes) = self.ports;
        let share = self.share.display();
        format!(
            r#"<configuration version="36">
<folder id="share" path="{share}" type="sendreceive" rescanIntervalS="60" fsWatcherEnabled="true" fsWatcherDelayS="1">
{members}<order>random</order><maxConflicts>10</maxConflicts></folder>
{devices}
<gui enabled="true" tls="false"><address>127.0.0.1:{takes}</address><apikey>lab</apikey></gui>
<options><listenAddress>tcp://127.0.0.1:{listens}</listenAddress>
<globalAnnounceEnabled>false</globalAnnounceEnabled><localAnnounceEnabled>false</localAnnounceEnabled>
<relaysEnabled>false</relaysEnabled><natEnabled>false</natEnabled><stunServer></stunServer>
<urAccepted>-1</urAccepted><crashReportingEnabled>false</crashReportingEnabled>
<autoUpgradeIntervalH>0</autoUpgradeIntervalH><startBrowser>false</startBrowser>
<reconnectionIntervalS>1</reconnectionIntervalS><setLowPriority>false</setLowPriority><minHomeDiskFree unit="%">0</minHomeDiskFree></options>
</configuration>
"#
        )
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new("syncthing");
        let (first, rest) = words.split_first().map_or(("serve", &[][..]), |(first, rest)| (*first, rest));
        command.arg(first).arg("--home").arg(&self.home).args(rest).env("HOME", &self.home);
        command
    }

    /// Sends a command to the running process.
    fn ask(&self, words: &[&str], logs: &Path) -> Result<String, String> {
        let output = logs.join("syncthing-asked");
        let said = process::run(&mut self.command(&[&["cli"], words].concat()), &output, PATIENCE)?;
        Ok(said.check(&format!("syncthing cli {}", words.join(" ")))?.out)
    }
}

/// Returns two unused ports of the loopback interface for each machine. All are held until the last one is
/// known.
fn free_ports(machines: usize) -> io::Result<Vec<(u16, u16)>> {
    let bind = || TcpListener::bind("127.0.0.1:0");
    let held = (0..machines).map(|_| Ok((bind()?, bind()?))).collect::<io::Result<Vec<_>>>()?;
    held.iter().map(|(one, other)| Ok((one.local_addr()?.port(), other.local_addr()?.port()))).collect()
}
