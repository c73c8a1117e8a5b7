"""PostgreSQL and MariaDB servers that belong to the tests: temporary folders, free loopback ports, the user nobody."""

import csv
import io
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import urllib.parse

from . import process
from .wait import wait_until

PASSWORD = "p w'\\\":@/%"  # every character that somebody has to escape
NOBODY = 65534


def _as_nobody():
    """Servers refuse to run as root; anyone else runs them as they are."""
    return ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"] if os.geteuid() == 0 else []


def _run(command, **options):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60, **options)
    assert done.returncode == 0, f"{command[0]} ended with {done.returncode}\n{done.stdout}"


class Server:
    """start() and stop() may alternate; the data and the port stay. close() removes everything."""

    def __init__(self):
        # Not below pytest's folders: those are closed to other users.
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="waybill-database-"))
        self.data, self.log = self.folder / "data", self.folder / "log"
        self.data.mkdir()
        self.folder.chmod(0o755)
        if os.geteuid() == 0:
            os.chown(self.data, NOBODY, NOBODY)
        self.port = process.free_port()
        self.server = None
        self.create()

    def start(self):
        self.server = process.start(self.command(), log=self.log)
        wait_until(self.answers, 30, f"{type(self).__name__} answers\n{process.tail(self.log)}")
        return self

    def answers(self):
        assert self.server.poll() is None, process.tail(self.log)
        with socket.socket() as probe:
            probe.settimeout(1)
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self):
        """At once, as a machine that loses its power; every acknowledged commit is on disk."""
        self.server.kill()
        self.server.wait(20)
        self.server = None

    def close(self):
        if self.server is not None:
            process.stop(self.server)
        shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, database):
        user = f"waybill:{urllib.parse.quote(PASSWORD, safe='')}"
        return f"{self.scheme}://{user}@127.0.0.1:{self.port}/{database}"


class Postgresql(Server):
    scheme = "postgresql"
    main_database = "postgres"
    binaries = pathlib.Path("/usr/lib/postgresql/15/bin")

    def create(self):
        secret = self.folder / "password"
        secret.write_text(PASSWORD)
        secret.chmod(0o644)
        _run([*_as_nobody(), str(self.binaries / "initdb"), "-D", str(self.data), "-A", "scram-sha-256", "-U", "waybill",
              "-E", "UTF8", "--no-sync", f"--pwfile={secret}"], cwd=self.folder)

    def command(self):
        # The children of a killed postmaster see it and end; the next one waits for them.
        return [*_as_nobody(), str(self.binaries / "postgres"), "-D", str(self.data), "-p", str(self.port),
                "-h", "127.0.0.1", "-k", str(self.data)]

    def answers(self):
        assert self.server.poll() is None, process.tail(self.log)
        return subprocess.run([str(self.binaries / "pg_isready"), "-h", "127.0.0.1", "-p", str(self.port)],
                              stdout=subprocess.DEVNULL, timeout=10).returncode == 0

    def stop(self):
        super().stop()
        wait_until(self._left, 20, "the server's children have ended")

    def _left(self):
        return not [p for p in pathlib.Path("/proc").glob("[0-9]*")
                    if _cwd(p) == self.data and "postgres: " in _command(p)]


    def make(self, name):
        """A schema of its own for one test."""
        env = {**os.environ, "PGPASSWORD": PASSWORD}
        _run([str(self.binaries / "psql"), "-h", "127.0.0.1", "-p", str(self.port), "-U", "waybill", "-c",
              f"CREATE SCHEMA {name}", self.main_database], env=env)

    def place(self, name):
        return self.url(self.main_database) + f"?schema={name}"

    def query(self, schema, sql):
        """The rows of one SELECT as dictionaries of texts; NULL is an empty text."""
        env = {**os.environ, "PGPASSWORD": PASSWORD, "PGOPTIONS": f"-c search_path={schema} -c timezone=UTC"}
        done = subprocess.run([str(self.binaries / "psql"), "-X", "--csv", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", str(self.port),
                               "-U", "waybill", self.main_database, "-c", sql], env=env, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, f"{done.stderr}\n{sql}"
        return list(csv.DictReader(io.StringIO(done.stdout)))


class Mariadb(Server):
    scheme = "mysql"
    main_database = "mysql"

    def create(self):
        user = ["--user=nobody"] if os.geteuid() == 0 else []
        _run(["mariadb-install-db", "--no-defaults", *user, f"--datadir={self.data}",
              "--auth-root-authentication-method=normal", "--skip-test-db"])
        password = PASSWORD.replace("\\", "\\\\").replace("'", "\\'")
        self.init = self.folder / "init.sql"
        self.init.write_text(f"CREATE USER IF NOT EXISTS 'waybill'@'%' IDENTIFIED BY '{password}';\n"
                             "GRANT ALL ON *.* TO 'waybill'@'%';\n"
                             "CREATE USER IF NOT EXISTS 'waybill'@'localhost' IDENTIFIED BY "
                             f"'{password}';\nGRANT ALL ON *.* TO 'waybill'@'localhost';\n")

    def command(self):
        user = ["--user=nobody"] if os.geteuid() == 0 else []
        return ["/usr/sbin/mariadbd", "--no-defaults", *user, f"--datadir={self.data}", f"--port={self.port}",
                "--bind-address=127.0.0.1", f"--socket={self.data}/s", f"--pid-file={self.data}/pid",
                f"--init-file={self.init}"]

    def make(self, name):
        """A database of its own for one test."""
        _run(["mariadb", "--no-defaults", "-h", "127.0.0.1", "-P", str(self.port), "-u", "waybill",
              f"--password={PASSWORD}", "-e", f"CREATE DATABASE {name}"])

    def place(self, name):
        return self.url(name)


def _cwd(proc):
    try:
        return (proc / "cwd").resolve()
    except OSError:
        return None


def _command(proc):
    try:
        return (proc / "cmdline").read_text(errors="replace")
    except OSError:
        return ""
