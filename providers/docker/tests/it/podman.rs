//! A private Podman with the images of these tests.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

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

/// A running engine. Dropping it removes everything that it holds.
pub(crate) struct Podman(Engine);

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
        let podman = Self(Engine::private().await.unwrap());
        for (command, name) in [(SERVE, IMAGE), (TAKE, GREEDY_IMAGE)] {
            podman.0.import(&image(command), name).await.unwrap();
        }
        podman.run(&["tag", IMAGE, OTHER_IMAGE]);
        Some(podman)
    }

    /// `DOCKER_HOST`.
    pub(crate) fn host(&self) -> String {
        self.0.host().to_owned()
    }

    /// Runs a Podman command and returns its output.
    pub(crate) fn run(&self, arguments: &[&str]) -> String {
        self.0.podman().unwrap().run(arguments).unwrap()
    }

    /// The lines that a command prints.
    pub(crate) fn lines(&self, arguments: &[&str]) -> Vec<String> {
        self.run(arguments).lines().map(str::to_owned).collect()
    }

    pub(crate) fn socket(&self) -> std::path::PathBuf {
        self.0.podman().unwrap().socket()
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
