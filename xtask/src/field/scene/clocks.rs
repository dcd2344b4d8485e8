//! Clocks that are wrong, and computers that sleep.

use std::fs;

use nix::sys::signal::Signal;

use super::Scene;
use crate::field::needs::Need;
use crate::play::member::all_read;
use crate::play::stage::{PATIENCE, Stage};
use crate::play::stop::{Outcome, check};
use crate::play::tree;
use crate::process;

pub(super) const SCENES: &[Scene] = &[
    Scene {
        name: "clocks-apart",
        source: "guysoft/OctoPi#606, OctoPrint/OctoPrint#3266, uugear/UUGear#31",
        about: "One clock is far behind, another far ahead.",
        right: "one order for all with causes first; the doctor speaks of clocks and not of services that are stuck",
        needs: &[Need::Tool("faketime")],
        wants: &[],
        play: clocks_apart,
    },
    Scene {
        name: "sleep",
        source: "syncany/syncany#290, hbons/SparkleShare#566, meganz/MEGAsync#508",
        about: "Ana's computer sleeps with a chat open. Messages arrive, and the folder is replaced meanwhile.",
        right: "after waking the chat shows everything, and what Ana types reaches the others",
        needs: &[],
        wants: &[],
        play: sleep,
    },
];

/// Pairs of times: one behind, one ahead.
const TIMES: [(&str, &str); 3] = [
    ("@1970-01-02 12:00:00", "@2099-05-05 12:00:00"),
    ("@1980-01-01 00:00:05", "@2038-01-19 03:14:05"),
    ("@2001-09-09 01:46:40", "@2262-01-01 00:00:00"),
];

fn clocks_apart(stage: &Stage) -> Outcome {
    stage.each(
        &TIMES,
        |(behind, ahead)| format!("{behind} and {ahead}"),
        |(behind, ahead), stage| {
            let (ana, ben) = (stage.member("Ana"), stage.member("Ben"));
            let [dana, carl] = [("Dana", ahead), ("Carl", behind)]
                .map(|(name, time)| stage.member(name).under(&["faketime", "-f", time]));
            ana.introduce("one")?;
            ben.introduce("two")?;
            dana.send(&["from ahead"])?;
            carl.send(&["from behind"])?;
            ana.send(&["after both"])?;
            all_read(&[&ana, &ben, &dana, &carl], &["one", "two", "from ahead", "from behind", "after both"])?;
            for member in [&ana, &ben, &carl, &dana] {
                let checkup = member.doctor()?;
                let is_clock = |kind: &&str| kind.starts_with("clock-");
                check(checkup.attention().iter().all(is_clock) && checkup.find("lagging").is_none(), || {
                    format!("the doctor of {} speaks of other things:{}", member.name, checkup.text())
                })?;
            }
            let carl = carl.doctor()?;
            check(carl.text().contains("clock"), || format!("Carl's doctor does not name his clock:{}", carl.text()))
        },
    )
}

fn sleep(stage: &Stage) -> Outcome {
    let (ana, ben, cleo) = (stage.member("Ana"), stage.member("Ben"), stage.member("Cleo"));
    ben.send(&["one"])?;
    let mut chat = ana.chat()?;
    chat.expect("one")?;
    chat.say(&["two"])?;
    let has_arrived = || ben.log().is_ok_and(|log| log.texts().contains(&"two"));
    process::wait_until(PATIENCE, has_arrived).map_err(|why| format!("what Ana types does not arrive: {why}"))?;

    chat.signal(Signal::SIGSTOP);
    let status = format!("/proc/{}/status", chat.id());
    let is_asleep = || fs::read_to_string(&status).is_ok_and(|status| status.contains("T (stopped)"));
    process::wait_until(PATIENCE, is_asleep).map_err(|why| format!("the chat does not stop: {why}"))?;
    let asleep: Vec<String> = (3..6).map(|number| format!("asleep {number}")).collect();
    asleep.iter().try_for_each(|text| ben.send(&[text]).map(drop))?;
    let (folder, again, was) = (&ana.folder, stage.at("again"), stage.at("was"));
    stage.copy(folder, &again)?;
    tree::rename(folder, &was)?;
    tree::rename(&again, folder)?;
    tree::remove(&was)?;
    ben.send(&["in the new folder"])?;
    chat.signal(Signal::SIGCONT);

    for text in &asleep {
        chat.expect(text)?;
    }
    chat.expect("in the new folder")?;
    chat.say(&["awake"])?;
    chat.end(PATIENCE)?;
    let mut texts = vec!["one".to_owned(), "two".to_owned()];
    texts.extend(asleep);
    texts.extend(["in the new folder".to_owned(), "awake".to_owned()]);
    all_read(&[&ana, &ben, &cleo], &texts)?;
    ana.is_well()
}
