//! The in-memory transport against the contract of transports.

use tempo_message::{MemoryMedium, MemoryTransport, conformance::Arena};

struct Memory(MemoryMedium);

impl Arena for Memory {
    type Transport = MemoryTransport;

    fn member(&self) -> MemoryTransport {
        self.0.transport()
    }
}

tempo_message::conformance_suite!(Memory(MemoryMedium::default()));
tempo_message::conformance_suite!(parts: Memory(MemoryMedium::default()));
