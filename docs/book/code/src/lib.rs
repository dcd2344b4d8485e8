//! The code of the book in `docs/book`: each chapter's blocks are tests, `examples/list` is the program of the
//! tutorial, and `examples/pictures` draws the diagrams.

/// Makes the chapters' blocks tests, each named after its chapter.
macro_rules! chapters {
    ($($name:ident: $path:literal;)*) => { $(
        #[cfg(doctest)]
        #[doc = include_str!(concat!("../../src/", $path))]
        mod $name {}
    )* };
}

// A test of xtask compares this list with SUMMARY.md.
chapters! {
    introduction: "introduction.md";
    sessions: "concepts/sessions.md";
    order: "concepts/order.md";
    stable: "concepts/stable.md";
    state: "concepts/state.md";
    files: "concepts/files.md";
    messages: "tutorial/messages.md";
    actions: "tutorial/actions.md";
    list: "tutorial/list.md";
    program: "tutorial/program.md";
    exactly_once: "recipes/exactly-once.md";
    replicas: "recipes/replicas.md";
    undo: "recipes/undo.md";
    presence: "recipes/presence.md";
    sending_files: "recipes/files.md";
    testing: "recipes/testing.md";
    trouble: "recipes/trouble.md";
    growing: "recipes/growing.md";
    any_service: "services/any.md";
    windows: "platforms/windows.md";
    macos: "platforms/macos.md";
    linux: "platforms/linux.md";
}
