//! The picture of the layers, in one place. docs/ARCHITECTURE.md draws the same.

/// A crate of the workspace and those below it that it may use.
pub(super) struct Layer {
    pub(super) name: &'static str,
    pub(super) may_use: &'static [&'static str],
}

/// From the lowest up. A row whose crate does not exist yet is no finding; a crate without a row is.
pub(super) const LAYERS: &[Layer] = &[
    Layer { name: "tempo-clock", may_use: &[] },
    Layer { name: "tempo-message", may_use: &["tempo-clock"] },
    Layer { name: "tempo-fs-transport", may_use: &["tempo-clock", "tempo-message"] },
    Layer { name: "tempo-session", may_use: &["tempo-clock", "tempo-message", "tempo-fs-transport"] },
    Layer { name: "tempo-sim", may_use: &["tempo-clock", "tempo-message", "tempo-fs-transport", "tempo-session"] },
    Layer { name: "tempo-bench", may_use: &["tempo-clock", "tempo-message", "tempo-fs-transport", "tempo-session"] },
    Layer { name: "xtask", may_use: &[] },
];

/// A crate of others that only some of ours may depend on. The benchmarks may, because they measure these crates as well.
pub(super) struct Restricted {
    pub(super) name: &'static str,
    pub(super) only: &'static [&'static str],
    /// Completes "…, so only X may depend on it".
    pub(super) why: &'static str,
}

pub(super) const RESTRICTED: &[Restricted] = &[
    Restricted { name: "notify", only: &["tempo-fs-transport", "tempo-bench"], why: "one crate watches the folder" },
    Restricted {
        name: "rustix",
        only: &["tempo-fs-transport", "tempo-bench"],
        why: "one crate talks to the file system",
    },
    Restricted { name: "redb", only: &["tempo-session", "tempo-bench"], why: "the store is an affair of the session" },
    Restricted { name: "tokio", only: &[], why: "no async runtime is forced on an application" },
    Restricted { name: "async-std", only: &[], why: "no async runtime is forced on an application" },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_point_down_the_list_only() {
        let mut below = Vec::new();
        for layer in LAYERS {
            for used in layer.may_use {
                assert!(below.contains(used), "{} -> {used}", layer.name);
            }
            below.push(layer.name);
        }
    }
}
