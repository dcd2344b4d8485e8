//! Sync services, with the behavior that is known of them.
//!
//! The names come from what the services do, not from what the transport recognizes. Otherwise the tests would prove
//! nothing.

use std::time::Duration;

use crate::Rng;

/// The behavior of a sync service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// Its name on the command line.
    pub name: &'static str,
    /// A description in one sentence.
    pub about: &'static str,
    /// The shortest time that a file takes from one machine to another.
    pub least_delay: Duration,
    /// The longest time that a file takes, when nothing is wrong.
    pub most_delay: Duration,
    /// The interval between deliveries; each delivers everything that is ready by then. With zero, each file is
    /// delivered when it is ready.
    pub batches: Duration,
    /// The name of a file while it arrives.
    pub temporary: Temporary,
    /// The name of the losing version in a conflict.
    pub conflict: Conflict,
    /// True if conflict copies reach the other machines.
    pub copies_travel: bool,
    /// The number of files in a thousand whose name is briefly absent while the service creates or replaces them.
    pub absent: u32,
    /// The number of files in a thousand that arrive in place, incomplete at first.
    pub partial: u32,
    /// The number of files in a thousand that get a conflict copy of equal content for no good reason.
    pub needless_copies: u32,
    /// The number of new directories in a thousand that have another name on a machine.
    pub doubled_directories: u32,
    /// The number of new directories in a thousand that appear in a second session folder on a machine.
    pub split_folders: u32,
    /// The number of new files in a thousand that have only the name of a conflict copy on a machine.
    pub renamed: u32,
    /// The number of files in a thousand that become online-only on a machine for a while.
    pub online_only: u32,
    /// The appearance of an online-only file.
    pub placeholder: Placeholder,
}

/// The appearance of a file whose content only the service has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placeholder {
    /// Keeps the name of the file, with a mark that the system shows.
    Marked,
    /// A small file whose name has this prefix and this suffix.
    Named(&'static str, &'static str),
}

/// The name of a file while it arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Temporary {
    /// The file is elsewhere, out of sight.
    Unseen,
    /// The file's name with this prefix and this suffix.
    Around(&'static str, &'static str),
}

/// The name of the losing version in a conflict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conflict {
    /// The name with this suffix, where `N` stands for a number.
    After(&'static str),
    /// Both versions get such a name, and the plain name disappears.
    Both(&'static str, &'static str),
    /// The losing version is destroyed.
    Destroyed,
    /// Neither side gets the other's version.
    Skipped,
}

impl Conflict {
    /// Returns the name of the losing version of `name`.
    pub fn loser(self, name: &str, rng: &mut Rng) -> Option<String> {
        match self {
            Self::After(tail) | Self::Both(_, tail) => {
                let number = 1 + rng.below(3);
                Some(format!("{name}{}", tail.replace('N', &number.to_string())))
            }
            Self::Destroyed | Self::Skipped => None,
        }
    }
}

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// An ideal service: quick, whole files, nothing odd.
pub const CALM: Profile = Profile {
    name: "calm",
    about: "an ideal service: quick, whole files, nothing odd",
    least_delay: Duration::from_millis(200),
    most_delay: seconds(3),
    batches: Duration::ZERO,
    temporary: Temporary::Unseen,
    conflict: Conflict::After(" (conflict N)"),
    copies_travel: true,
    absent: 0,
    partial: 0,
    needless_copies: 0,
    doubled_directories: 0,
    split_folders: 0,
    renamed: 0,
    online_only: 0,
    placeholder: Placeholder::Marked,
};

/// Every kind of trouble at once.
pub const CHAOS: Profile = Profile {
    name: "chaos",
    about: "every kind of trouble at once",
    least_delay: Duration::from_millis(10),
    most_delay: seconds(120),
    batches: Duration::ZERO,
    temporary: Temporary::Around("~$", ".part"),
    conflict: Conflict::After(" (N)"),
    copies_travel: true,
    absent: 150,
    partial: 200,
    needless_copies: 100,
    doubled_directories: 150,
    split_folders: 60,
    renamed: 50,
    online_only: 80,
    placeholder: Placeholder::Marked,
};

/// Dropbox: whole files, named conflicted copies that reach every member, online-only files.
pub const DROPBOX: Profile = Profile {
    name: "dropbox",
    about: "Dropbox: whole files, named conflicted copies that reach every member, online-only files",
    conflict: Conflict::After(" (Zo\u{eb}'s conflicted copy 2026-11-22)"),
    needless_copies: 10,
    online_only: 20,
    ..CALM
};

/// Google Drive: numbered copies, two directories with one name.
pub const DRIVE: Profile = Profile {
    name: "drive",
    about: "Google Drive: numbered copies, two directories with one name",
    most_delay: seconds(20),
    conflict: Conflict::After(" (N)"),
    needless_copies: 20,
    doubled_directories: 150,
    ..CALM
};

/// OneDrive: conflict copies named after the machine, many online-only files.
pub const ONEDRIVE: Profile = Profile {
    name: "onedrive",
    about: "OneDrive: conflict copies named after the machine, many online-only files",
    most_delay: seconds(15),
    conflict: Conflict::After("-DESKTOP-4TNN"),
    needless_copies: 20,
    online_only: 60,
    ..CALM
};

/// iCloud Drive: slow at times, numbered files and directories, placeholders for online-only files.
pub const ICLOUD: Profile = Profile {
    name: "icloud",
    about: "iCloud Drive: slow at times, numbered files and directories, placeholders for online-only files",
    most_delay: seconds(60),
    conflict: Conflict::After(" N"),
    needless_copies: 10,
    doubled_directories: 80,
    split_folders: 80,
    renamed: 30,
    online_only: 60,
    placeholder: Placeholder::Named(".", ".icloud"),
    ..CALM
};

/// Syncthing: random order, temporary names in place, sync-conflict files.
pub const SYNCTHING: Profile = Profile {
    name: "syncthing",
    about: "Syncthing: random order, temporary names in place, sync-conflict files",
    least_delay: seconds(1),
    most_delay: seconds(15),
    temporary: Temporary::Around(".syncthing.", ".tmp"),
    conflict: Conflict::After(".sync-conflict-20261122-10111N-ABCDEFG"),
    absent: 50,
    ..CALM
};

/// Nextcloud: parallel transfers, temporary names, conflicted copies that stay on their machine.
pub const NEXTCLOUD: Profile = Profile {
    name: "nextcloud",
    about: "Nextcloud: parallel transfers, temporary names, conflicted copies that stay on their machine",
    most_delay: seconds(30),
    temporary: Temporary::Around(".", ".~3f1a"),
    conflict: Conflict::After(" (conflicted copy 2026-11-22 10111N)"),
    copies_travel: false,
    online_only: 30,
    placeholder: Placeholder::Named("", ".nextcloud"),
    ..CALM
};

/// Seafile: the name is briefly absent when a file is replaced.
pub const SEAFILE: Profile = Profile {
    name: "seafile",
    about: "Seafile: the name is briefly absent when a file is replaced",
    most_delay: seconds(20),
    temporary: Temporary::Around("", ".sbak"),
    conflict: Conflict::After(" (SFConflict ana@example.org 2026-11-22-10-11-1N)"),
    absent: 300,
    ..CALM
};

/// Unison: conflicts are skipped on both sides.
pub const UNISON: Profile = Profile {
    name: "unison",
    about: "Unison: conflicts are skipped on both sides",
    least_delay: seconds(5),
    most_delay: seconds(30),
    batches: seconds(30),
    temporary: Temporary::Around(".unison.", ".8f3c.unison.tmp"),
    conflict: Conflict::Skipped,
    ..CALM
};

/// rclone bisync, as of version 1.60: both versions of a conflict are renamed, files grow in place.
pub const RCLONE: Profile = Profile {
    name: "rclone",
    about: "rclone bisync: both versions of a conflict are renamed, files grow in place",
    least_delay: seconds(1),
    most_delay: seconds(60),
    batches: seconds(60),
    temporary: Temporary::Unseen,
    conflict: Conflict::Both("..path1", "..path2"),
    partial: 150,
    renamed: 60,
    ..CALM
};

/// A USB stick: infrequent transfers, everything at once, copied in place.
pub const USB_STICK: Profile = Profile {
    name: "usb",
    about: "a USB stick: infrequent transfers, everything at once, copied in place",
    least_delay: seconds(30),
    most_delay: seconds(300),
    batches: seconds(120),
    conflict: Conflict::Destroyed,
    partial: 300,
    ..CALM
};

/// odrive: placeholders with its own extension for online-only files.
pub const ODRIVE: Profile = Profile {
    name: "odrive",
    about: "odrive: placeholders with its own extension for online-only files",
    most_delay: seconds(30),
    online_only: 60,
    placeholder: Placeholder::Named("", ".cloud"),
    ..CALM
};

/// Every profile, with [`CHAOS`] last.
pub const PROFILES: &[Profile] =
    &[CALM, DROPBOX, DRIVE, ONEDRIVE, ICLOUD, SYNCTHING, NEXTCLOUD, SEAFILE, UNISON, RCLONE, USB_STICK, ODRIVE, CHAOS];

impl Profile {
    /// Returns the profile with this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        PROFILES.iter().find(|profile| profile.name == name)
    }

    /// Draws the time that a file takes that is ready at `now`.
    pub(crate) fn delay(&self, now: Duration, rng: &mut Rng) -> Duration {
        let (least, most) = (micros(self.least_delay), micros(self.most_delay));
        // Mostly near the lower end, with a long tail.
        let span = most.saturating_sub(least);
        let share = rng.range(0..1000).pow(3);
        let delay = least + u64::try_from(u128::from(span) * u128::from(share) / 1_000_000_000).unwrap_or(0);
        let (at, batch) = (micros(now) + delay, micros(self.batches).max(1));
        Duration::from_micros(at.div_ceil(batch) * batch - micros(now))
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
