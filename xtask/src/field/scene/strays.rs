//! Other programs' files whose names contain the name of a message.

use super::Scene;
use crate::play::member::{Member, all_read};
use crate::play::stage::Stage;
use crate::play::stop::{Outcome, check};
use crate::play::tree;

pub(super) const SCENES: &[Scene] = &[
    Scene {
        name: "sidecars",
        source: "microsoft/WSL#4609, #7456, #11983; stoermelder/vcvrack-packone#460, meganz/MEGAsync#82",
        about: "A system or a program puts a small file beside every message, under a name that continues it.",
        right: "nothing is called damaged, nothing wants attention, and the sidecars stay as they are",
        needs: &[],
        wants: &[],
        play: sidecars,
    },
    Scene {
        name: "ransomware",
        source: "nextcloud/server#5350, owncloud/client#6307",
        about: "All files are encrypted and get a longer name; a note asks for money; the service syncs that.",
        right: "the authors put everything back; the remains are not called damaged messages that somebody must repair",
        needs: &[],
        wants: &[],
        play: ransomware,
    },
];

/// The text before and after the name of a message, and the content.
const SIDECARS: &[(&str, &str, &[u8])] = &[
    ("", ":Zone.Identifier", b"[ZoneTransfer]\r\nZoneId=3\r\nReferrerUrl=https://example.org/\r\n"),
    ("", "\u{f03a}Zone.Identifier", b"[ZoneTransfer]\r\nZoneId=3\r\n"),
    ("", ":com.dropbox.attributes", b"x\x9c\xabV\xca\x4d"),
    ("._", "", b"\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X        \x00\x02"),
    ("", ".asd", b"\xab\x1e\x56\x78\x03\x00\x00\x00AnalysisData"),
    (".", ".swp", b"b0VIM 9.0\x00\x00\x00\x00"),
];

fn sidecars(stage: &Stage) -> Outcome {
    stage.each(
        SIDECARS,
        |(before, behind, _)| format!("{before}N{}", behind.escape_default()),
        |(before, behind, content), stage| {
            let (ana, ben, cleo) = (stage.member("Ana"), stage.member("Ben"), stage.member("Cleo"));
            ana.introduce("one")?;
            ben.introduce("two")?;
            let mut sidecars = Vec::new();
            for message in tree::messages(&ana.folder)? {
                let name = message.file_name().unwrap_or_default().to_string_lossy().into_owned();
                sidecars.push(message.with_file_name(format!("{before}{name}{behind}")));
            }
            sidecars.iter().try_for_each(|sidecar| tree::write(sidecar, content))?;
            let count = tree::files(&ana.folder)?.len();
            for member in [&ana, &ben] {
                member.open()?;
            }
            all_read(&[&ana, &ben, &cleo], &["one", "two"])?;
            let after = tree::files(&ana.folder)?.len();
            check(after == count, || format!("{count} files have become {after}"))?;
            for sidecar in &sidecars {
                check(tree::read(sidecar)? == *content, || format!("{} has changed", sidecar.display()))?;
            }
            [&ana, &ben, &cleo].into_iter().try_for_each(Member::is_well)
        },
    )
}

/// The tail of an encrypted file's name, and the name of the note.
const GANGS: [(&str, &str); 3] = [
    (".id-1A2B.locked", "README_DECRYPT.txt"),
    (".encrypted", "HOW_TO_RECOVER.html"),
    (".WNCRY", "@Please_Read_Me@.txt"),
];

fn ransomware(stage: &Stage) -> Outcome {
    stage.each(
        &GANGS,
        |(tail, _)| (*tail).to_owned(),
        |(tail, note), stage| {
            let (ana, ben, cleo) = (stage.member("Ana"), stage.member("Ben"), stage.member("Cleo"));
            ana.introduce("one")?;
            ben.introduce("two")?;
            ana.send(&["three"])?;
            for (index, file) in tree::files(&ana.folder)?.into_iter().enumerate() {
                let name = format!("{}{tail}", file.file_name().unwrap_or_default().to_string_lossy());
                tree::write(&file.with_file_name(name), noise(index))?;
                tree::remove(&file)?;
            }
            tree::write(&ana.folder.join(note), "Pay.\n")?;

            ana.open()?;
            ben.open()?;
            all_read(&[&ana, &ben, &cleo], &["one", "two", "three"])?;
            let checkup = cleo.doctor()?;
            // The note is a file of another program, and may be moved out.
            checkup.expect(&["foreign"])?;
            check(checkup.must("foreign")?.files == [*note], || checkup.text())?;
            check(!checkup.text().contains("puts it right"), || {
                format!("the doctor asks for a repair that is done:{}", checkup.text())
            })
        },
    )
}

/// Returns bytes without a pattern.
fn noise(seed: usize) -> Vec<u8> {
    let mut rng = fastrand::Rng::with_seed(seed as u64);
    (0..900).map(|_| rng.u8(..)).collect()
}
