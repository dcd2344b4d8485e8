//! Two members in memory: the rules of a session without a folder, a store or a thread.

#![allow(clippy::print_stdout, reason = "an example shows what happens")]

use std::error::Error;

use tempo_message::Kind;
use tempo_session::{
    AuthorId,
    core::{CoreEvent, Input, Output, SessionCore},
};

fn main() -> Result<(), Box<dyn Error>> {
    let [ana, ben]: [AuthorId; 2] =
        ["00000000-0000-0000-0000-00000000000a".parse()?, "00000000-0000-0000-0000-00000000000b".parse()?];
    let (mut ana, mut ben) = (SessionCore::new(Some(ana)), SessionCore::new(Some(ben)));

    // Ana sends two messages. A real driver makes the frames durable before it hands them in.
    let frames = ana.compose(["first", "second"].map(|text| (Kind::Payload, text.into())), 0)?;
    for frame in &frames {
        ana.handle(Input::Sent { message: frame.message(), digest: frame.digest() });
    }

    // The frames arrive at Ben in the wrong order. The second one waits for the first.
    for frame in frames.iter().rev() {
        let intake = ben.handle(Input::Received(frame));
        println!("{}: {intake:?}", frame.id());
    }

    // Ben's application receives both, in the order that all members share.
    let mut positions = Vec::new();
    loop {
        match ben.poll() {
            Output::Event(CoreEvent::Message { position, .. }) => positions.push(position),
            Output::Idle => break,
            _ => {}
        }
    }
    assert_eq!(positions, [0, 1]);
    let order = |core: &SessionCore| core.timeline().iter().map(|&slot| core.order(slot)).collect::<Vec<_>>();
    assert_eq!(order(&ana), order(&ben));
    Ok(())
}
