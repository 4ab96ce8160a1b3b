//! A private Podman with the images of these tests.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::atomic::{AtomicU16, Ordering};

use agent_pool_core::settings::Environment;
use agent_pool_engine::{Engine, Image, missing_program};

/// The image of test instances: a web server of one file on the given port.
pub(crate) const IMAGE: &str = "localhost/agent-pool-test:1";
/// An image that allocates memory until it is killed.
pub(crate) const GREEDY_IMAGE: &str = "localhost/agent-pool-greedy:1";
/// The first image under another name.
pub(crate) const OTHER_IMAGE: &str = "localhost/agent-pool-test:2";
const SERVE: &str = "mkdir -p /tmp/www/pool; echo '{\"ready\":true}' > /tmp/www/pool/health; echo started; exec httpd -f -p $PORT -h /tmp/www";
/// `tail` buffers a line until it ends, which this one never does.
const TAKE: &str = "exec tail -n 1 /dev/zero";
const BUSYBOX: &str = "/bin/busybox";
const APPLETS: [&str; 8] = ["sh", "httpd", "mkdir", "cat", "sleep", "wget", "tail", "nc"];

/// How many ports the instances of an engine have. Engines share none: a port is chosen before an instance listens on
/// it, so instances of two engines could choose the same one.
const PORTS: u16 = 100;
static NEXT_PORT: AtomicU16 = AtomicU16::new(30_000);

/// A running engine. Dropping it removes everything that it holds.
pub(crate) struct Podman {
    engine: Engine,
    first_port: u16,
}

impl Podman {
    /// Starts an engine; `None`, with a message, if Podman is not installed, which is a failure in CI.
    pub(crate) async fn start() -> Option<Self> {
        let busybox = (!Path::new(BUSYBOX).exists()).then_some(BUSYBOX);
        if let Some(missing) = missing_program().or(busybox) {
            let ci = Environment::of_process().get("CI").is_some();
            assert!(!ci, "{missing} is not installed");
            eprintln!(
                "SKIPPED: {missing} is not installed (Debian: apt install podman runc netavark aardvark-dns iptables busybox-static)"
            );
            return None;
        }
        let podman = Self {
            engine: Engine::private().await.unwrap(),
            first_port: NEXT_PORT.fetch_add(PORTS, Ordering::Relaxed),
        };
        for (command, name) in [(SERVE, IMAGE), (TAKE, GREEDY_IMAGE)] {
            podman.engine.import(&image(command), name).await.unwrap();
        }
        podman.run(&["tag", IMAGE, OTHER_IMAGE]);
        Some(podman)
    }

    /// `DOCKER_HOST`.
    pub(crate) fn host(&self) -> String {
        self.engine.host().to_owned()
    }

    /// The settings of the ports of its instances.
    pub(crate) fn ports(&self) -> [(&'static str, String); 2] {
        let last = self.first_port + PORTS - 1;
        [
            ("DOCKER_PORT_FIRST", self.first_port.to_string()),
            ("DOCKER_PORT_LAST", last.to_string()),
        ]
    }

    /// Runs a Podman command and returns its output.
    pub(crate) fn run(&self, arguments: &[&str]) -> String {
        self.engine.podman().unwrap().run(arguments).unwrap()
    }

    /// The lines that a command prints.
    pub(crate) fn lines(&self, arguments: &[&str]) -> Vec<String> {
        self.run(arguments).lines().map(str::to_owned).collect()
    }

    pub(crate) fn socket(&self) -> std::path::PathBuf {
        self.engine.podman().unwrap().socket()
    }

    /// All our objects on the engine: kind and name.
    pub(crate) fn held(&self) -> Vec<(&'static str, String)> {
        let all = [
            ("container", &["ps", "--all", "--format", "{{.Names}}"][..]),
            ("volume", &["volume", "ls", "--format", "{{.Name}}"]),
            ("network", &["network", "ls", "--format", "{{.Name}}"]),
        ];
        let named = all.into_iter().flat_map(|(kind, list)| {
            let names = self.lines(list).into_iter();
            names.map(move |name| (kind, name))
        });
        named.filter(|(_, name)| name.starts_with("ap-")).collect()
    }
}

/// An image that contains only a static busybox.
fn image(command: &str) -> Image {
    let image = Image::new(&["/bin/sh", "-c", command]).unwrap();
    image.add(Path::new(BUSYBOX), Path::new(BUSYBOX)).unwrap();
    fs::create_dir_all(image.root().join("bin")).unwrap();
    for applet in APPLETS {
        symlink("busybox", image.root().join("bin").join(applet)).unwrap();
    }
    image
}
