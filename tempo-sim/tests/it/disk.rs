//! The folder transport keeps its contract on the simulated disk as it does on a real one.

use std::{io, time::Duration};

use bytes::Bytes;
use tempo_clock::Seen;
use tempo_fs_transport::{FsTransport, Options};
use tempo_message::{
    AuthorId, CounterName, Disposition, Durability, Frame, Kind, Lamport, Message, MessageId, Published, Transport,
    conformance::{Arena, Script, gather},
};
use tempo_sim::{
    Disk, DiskOptions, Rng,
    disk::{Cuts, Naming, SimFs, System, Volume},
};
use uuid::Uuid;

struct OneDisk(Disk);

impl Arena for OneDisk {
    type Transport = FsTransport<SimFs>;

    fn member(&self) -> FsTransport<SimFs> {
        let mut options = Options::default();
        options.staging = Some(Disk::STAGING.into());
        FsTransport::open_on(self.0.fs(), Disk::FOLDER.as_ref(), &options).unwrap()
    }
}

mod usual {
    use super::*;

    tempo_message::conformance_suite!(OneDisk(Disk::new(DiskOptions::default(), Rng::new(1))));
}

mod odd {
    use super::*;

    tempo_message::conformance_suite!(OneDisk(Disk::new(
        DiskOptions {
            staging_elsewhere: true,
            naming: Naming { folds_case: true, decomposes: true },
            looks_before_renaming: true,
            granularity: Duration::from_secs(2),
            lost_hints: 1000,
            ..DiskOptions::default()
        },
        Rng::new(2)
    )));
}

mod mounted {
    use super::*;

    tempo_message::conformance_suite!(OneDisk(Disk::new(
        DiskOptions {
            is_shared: true,
            granularity: Duration::from_secs(2),
            length_first: true,
            reading_moves_times: true,
            ..DiskOptions::default()
        },
        Rng::new(5)
    )));
}

mod windows {
    use super::*;

    tempo_message::conformance_suite!(OneDisk(Disk::new(
        DiskOptions { system: System::Windows(Volume::Refs), ..DiskOptions::default() },
        Rng::new(3)
    )));
}

mod mac {
    use super::*;

    tempo_message::conformance_suite!(OneDisk(Disk::new(
        DiskOptions { system: System::Mac { syncs_to_volume: true }, ..DiskOptions::default() },
        Rng::new(4)
    )));
}

/// Tests that durable messages are present and whole in everything that a power loss may leave, whichever call failed
/// before.
#[test]
fn durable_publications_survive_after_a_failed_call() {
    for staging_elsewhere in [false, true] {
        let failures = (0..).take_while(|&call| is_durable_although_one_fails(call, staging_elsewhere)).count();
        println!("staging elsewhere: {staging_elsewhere}; {failures} calls failed");
        assert!(failures > 10, "only {failures} calls were made");
    }
}

/// Lets one call fail. Returns false if there are not that many calls.
fn is_durable_although_one_fails(call: u64, staging_elsewhere: bool) -> bool {
    let disk = Disk::new(DiskOptions { staging_elsewhere, ..DiskOptions::default() }, Rng::new(1));
    let mut transport = OneDisk(disk.clone()).member();
    let frame = a_message();
    let begun = disk.calls();
    disk.fail_after(call, io::ErrorKind::Other);
    let attempts = std::iter::repeat_with(|| transport.publish(&frame, Durability::Durable));
    assert!(
        attempts.take(2).any(|published| published.is_ok()),
        "call {call} failed once, but publishing failed permanently"
    );
    let (dir, name) = (frame.id().author.to_string(), format!("{:016x}", frame.id().counter));
    for image in disk.states_after_power_loss(Cuts::All).images {
        let is_there = image.files().any(|file| file == (dir.as_ref(), name.as_ref(), frame.bytes()));
        assert!(is_there, "call {call} failed, and a durable message was lost: {image:?}");
    }
    disk.calls() - begun > call
}

/// Tests that a copy beside another file survives a loss of power. Names and lengths do not show that it is missing.
#[test]
fn a_copy_beside_another_file_is_durable() {
    let disk = Disk::new(DiskOptions::default(), Rng::new(1));
    let mut transport = OneDisk(disk.clone()).member();
    let frame = a_message();
    let (dir, name) = (frame.id().author.to_string(), format!("{:016x}", frame.id().counter));
    disk.put(dir.as_ref(), name.as_ref(), vec![b'Z'; frame.bytes().len()].into());
    assert_eq!(transport.publish(&frame, Durability::Lazy).unwrap(), Published::Displaced);
    for image in disk.states_after_power_loss(Cuts::All).images {
        assert!(image.files().any(|(_, _, content)| content == frame.bytes()), "{image:?}");
    }
}

fn a_message() -> Frame {
    let id = MessageId { author: AuthorId::new(Uuid::from_u128(7)), counter: 1 };
    let (kind, payload) = (Kind::Payload, Bytes::from_static(b"durable"));
    let (lamport, unix_ms, previous, parents, extensions) = (Lamport(1), 0, None, Vec::new(), Vec::new());
    let message = Message {
        id,
        lamport,
        unix_ms,
        previous,
        parents,
        key: None,
        kind,
        attachments: Vec::new(),
        extensions,
        payload,
    };
    Frame::encode(&message).unwrap()
}

/// Tests what a hint can do while a directory rests. An own directory is left alone for two seconds after a listing,
/// and time stands still here. So only files that a hint names are read, and of those only the next message.
#[test]
fn a_hinted_file_is_read_while_its_directory_rests() {
    let disk = Disk::new(DiskOptions::default(), Rng::new(3));
    let mut member = OneDisk(disk.clone()).member();
    let mut script = Script::new(1);
    let [first, second, third, fourth] = [(); 4].map(|()| script.next(b"content"));
    member.publish(&first, Durability::Lazy).unwrap();
    let mut known = Seen::default();
    let mut gathered = |member: &mut FsTransport<SimFs>| {
        let frames = gather(member, &known, Disposition::Known);
        frames.iter().for_each(|frame| assert!(known.insert(frame.id().author, frame.id().counter)));
        frames
    };
    assert_eq!(gathered(&mut member), [first]);
    let put = |frame: &Frame| {
        let MessageId { author, counter } = frame.id();
        disk.put(author.to_string().as_ref(), CounterName::new(counter).as_str().as_ref(), frame.bytes().clone());
    };
    put(&second);
    put(&fourth);
    assert_eq!(gathered(&mut member), [second]);
    put(&third);
    assert_eq!(gathered(&mut member), [third]);
    disk.set_now(Duration::from_secs(3));
    assert_eq!(gathered(&mut member), [fourth]);
}
