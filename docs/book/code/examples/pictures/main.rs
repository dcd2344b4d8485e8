//! Draws the pictures of the book: short runs of the simulator, as space-time diagrams.
//!
//! ```sh
//! cargo run -p tempo-book --example pictures
//! ```

mod scenes;
mod svg;

use std::{error::Error, fs, path::Path};

use scenes::SCENES;

fn main() -> Result<(), Box<dyn Error>> {
    let pictures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../src/pictures");
    for (name, scene) in SCENES {
        fs::write(pictures.join(name), svg::draw(&scene()?))?;
    }
    Ok(())
}
