//! Looks at what a process asks of the system, and makes some of it fail.

use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::process::Process;

/// strace, attached to a process.
pub struct Strace(Child);

impl Strace {
    /// Attaches it with these arguments; where it is missing or may not, says so. What it sees is written to a file.
    pub async fn attach(process: &Process, arguments: &[&str], output: Option<&Path>) -> Option<Strace> {
        let begun = Command::new("strace")
            .args(["-f", "-o"])
            .arg(output.unwrap_or(Path::new("/dev/null")))
            .args(arguments)
            .args(["-p", &process.id().to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        if let Ok(mut child) = begun {
            tokio::time::sleep(Duration::from_secs(1)).await;
            if child.try_wait().unwrap().is_none() {
                return Some(Strace(child));
            }
        }
        let _ = writeln!(std::io::stderr(), "\n*** NOT RUN: strace is missing, or may not attach to a process here.");
        None
    }

    /// Lets the process go on alone.
    pub fn detach(mut self) {
        assert!(Command::new("kill").args(["-INT", &self.0.id().to_string()]).status().unwrap().success());
        self.0.wait().unwrap();
    }
}
