//! Prints the findings of all checks and ends with status 1 if there are any.

fn main() -> std::process::ExitCode {
    let findings = xtask::findings();
    for finding in &findings {
        println!("{finding}");
    }
    println!("{} findings", findings.len());
    std::process::ExitCode::from(u8::from(!findings.is_empty()))
}
