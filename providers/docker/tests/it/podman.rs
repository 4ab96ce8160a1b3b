//! A private Podman: its own storage, networks and socket, in a folder that goes with it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use agent_pool_core::settings::Environment;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

/// What instances of the tests run: a web server of one file on the port that it is given.
pub(crate) const IMAGE: &str = "localhost/agent-pool-test:1";
/// The same under another name.
pub(crate) const OTHER_IMAGE: &str = "localhost/agent-pool-test:2";
const SERVE: &str = "mkdir -p /tmp/www/pool; echo '{\"ready\":true}' > /tmp/www/pool/health; echo started; exec httpd -f -p $PORT -h /tmp/www";

/// A running engine. Dropping it removes everything that it holds.
pub(crate) struct Podman {
    folder: TempDir,
    service: Child,
}

impl Podman {
    /// Starts one; `None`, after saying so, if Podman is not installed. In CI it has to be.
    pub(crate) async fn start() -> Option<Self> {
        if let Some(missing) = missing_program() {
            let environment = Environment::of_process();
            assert!(
                environment.get("CI").is_none(),
                "{missing} is not installed"
            );
            eprintln!(
                "SKIPPED: {missing} is not installed (Debian: apt install podman runc netavark aardvark-dns iptables busybox-static)"
            );
            return None;
        }
        let folder = tempfile::Builder::new()
            .prefix("ap-podman-")
            .tempdir()
            .unwrap();
        fs::create_dir_all(folder.path().join("networks")).unwrap();
        fs::write(
            folder.path().join("containers.conf"),
            configuration(folder.path()),
        )
        .unwrap();
        let socket = format!("unix://{}", socket(folder.path()).display());
        let service = command(folder.path())
            .args(["system", "service", "--time=0", &socket])
            .stdout(Stdio::null())
            .stderr(fs::File::create(folder.path().join("service.log")).unwrap())
            .spawn()
            .unwrap();
        let podman = Self { folder, service };
        podman.import(IMAGE);
        podman.run(&["tag", IMAGE, OTHER_IMAGE]);
        let deadline = Instant::now() + Duration::from_secs(30);
        while !socket_of(&podman).exists() {
            assert!(Instant::now() < deadline, "Podman does not listen");
            sleep(Duration::from_millis(20)).await;
        }
        Some(podman)
    }

    /// `DOCKER_HOST`.
    pub(crate) fn host(&self) -> String {
        format!("unix://{}", socket_of(self).display())
    }

    /// Runs a command of Podman's and answers what it prints.
    pub(crate) fn run(&self, arguments: &[&str]) -> String {
        let output = self.output(arguments);
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "podman {arguments:?}: {errors}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    pub(crate) fn output(&self, arguments: &[&str]) -> Output {
        command(self.folder.path())
            .args(arguments)
            .output()
            .unwrap()
    }

    /// The lines that a command prints.
    pub(crate) fn lines(&self, arguments: &[&str]) -> Vec<String> {
        self.run(arguments).lines().map(str::to_owned).collect()
    }

    /// An image of nothing but a static busybox.
    fn import(&self, name: &str) {
        let root = self.folder.path().join("image");
        fs::create_dir_all(root.join("bin")).unwrap();
        for folder in ["tmp", "data"] {
            fs::create_dir_all(root.join(folder)).unwrap();
        }
        fs::copy("/bin/busybox", root.join("bin/busybox")).unwrap();
        for applet in ["sh", "httpd", "mkdir", "cat", "sleep", "wget", "dd", "nc"] {
            let _ = std::os::unix::fs::symlink("busybox", root.join("bin").join(applet));
        }
        let tar = self.folder.path().join("image.tar");
        let packed = Command::new("tar")
            .arg("-C")
            .arg(&root)
            .arg("-cf")
            .arg(&tar)
            .arg(".")
            .status();
        assert!(packed.unwrap().success());
        let command = format!(
            "CMD [\"/bin/sh\", \"-c\", {}]",
            serde_json::to_string(SERVE).unwrap()
        );
        self.run(&[
            "import",
            "--change",
            &command,
            "--change",
            "ENV PATH=/bin",
            tar.to_str().unwrap(),
            name,
        ]);
    }
}

impl Drop for Podman {
    fn drop(&mut self) {
        let _ = self.output(&["rm", "--all", "--force", "--time", "0"]);
        let _ = self.output(&["network", "prune", "--force"]);
        let _ = self.service.kill();
        let _ = self.service.wait();
        // Layers are mounted below the folder until then.
        let _ = self.output(&["system", "reset", "--force"]);
    }
}

fn missing_program() -> Option<&'static str> {
    let programs = [
        "/usr/bin/podman",
        "/usr/sbin/runc",
        "/usr/lib/podman/netavark",
        "/bin/busybox",
    ];
    programs
        .into_iter()
        .find(|program| !Path::new(program).exists())
}

fn socket(folder: &Path) -> PathBuf {
    folder.join("podman.sock")
}

fn socket_of(podman: &Podman) -> PathBuf {
    socket(podman.folder.path())
}

fn command(folder: &Path) -> Command {
    let mut command = Command::new("podman");
    command
        .env("CONTAINERS_CONF", folder.join("containers.conf"))
        .env("TMPDIR", folder)
        .arg("--root")
        .arg(folder.join("root"))
        .arg("--runroot")
        .arg(folder.join("run"))
        .args(["--cgroup-manager", "cgroupfs"]);
    command
}

/// `runc`, because `crun` fails on hybrid cgroups; limits that a process without privileges may set; locks, temporary
/// files and a range of subnets of its own, because several engines run at once.
fn configuration(folder: &Path) -> String {
    static ENGINES: AtomicU32 = AtomicU32::new(0);
    let engine = ENGINES.fetch_add(1, Ordering::Relaxed) % 16;
    let (second, third) = (64 + std::process::id() % 128, engine * 16);
    format!(
        "[engine]\nruntime = \"runc\"\nlock_type = \"file\"\ntmp_dir = \"{folder}/tmp\"\n\
         [containers]\ndefault_ulimits = [\"nofile=20000:20000\", \"nproc=4000:4000\"]\n\
         [network]\nnetwork_config_dir = \"{folder}/networks\"\n\
         default_subnet = \"10.{second}.{third}.0/24\"\n\
         default_subnet_pools = [{{ base = \"10.{second}.{third}.0/20\", size = 24 }}]\n",
        folder = folder.display(),
    )
}
