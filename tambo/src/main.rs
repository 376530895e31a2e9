//! The only binary. Reads the command line and hands over to one file per command.

mod settings;
fn main() {}
