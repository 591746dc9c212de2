#!/usr/bin/env python3
"""An FTP server over a folder, by pyftpdlib, which goes wrong where it is told to.

Every command is written to MEMORY/commands, one a line, before anything is done about it, and a line to MEMORY/ended
for every connection that ends.

Modes, several of them joined by commas:
  cut:VERB:N        the connection ends at the Nth such command, which is not done
  lose:VERB:N       the Nth such command is done, and the connection ends in the place of its answer
  break:BYTES       of the first upload so many bytes are kept, and then all its connections end
  break-read:BYTES  of the first file that is read so many bytes are given, and praised
  refuses-taken     no file is given a name that something has
  no-facts          neither MLSD nor MLST is known
  dos               lists look as DOS writes them
  odd               a list has a line that is none
  unreadable        lists say that they could not be read, and are praised
  other-host        EPSV is not known, and PASV names another host
  late-refusal:N    uploads are answered with N after all their bytes came
  short             of uploads the last byte is not kept, and they are praised
  idle              who gave a file its name is sent away, as one who said nothing for too long
  crowded:N         no more than N connections are taken from one address, which is said after the login
  no-rest           REST is not known
  hides             names that begin with a dot are in no list
  plain-words       the word that asks for hidden names is taken for a name
  unsealed          connections for files and lists end without the word of TLS that this was all
  text              the server is none of FTP
"""

import argparse
import os
import threading

from OpenSSL import SSL
from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import DTPHandler, FTPHandler, TLS_DTPHandler, TLS_FTPHandler
from pyftpdlib.servers import FTPServer

options = argparse.ArgumentParser()
options.add_argument("--port", type=int, required=True)
options.add_argument("--user", required=True)
options.add_argument("--password", required=True)
options.add_argument("--root", default="/")
options.add_argument("--certificate", default="")
options.add_argument("--most-tls", default="")
options.add_argument("--memory", default="")
options.add_argument("--mode", default="")
given = options.parse_args()

modes = {}
for word in given.mode.split(",") if given.mode else []:
    name, _, rest = word.partition(":")
    modes.setdefault(name, []).append(rest)

lock = threading.Lock()
counts = {}
connections = set()


def note(name, line):
    if given.memory:
        with open(os.path.join(given.memory, name), "a") as file:
            file.write(line + "\n")


def is_turn(mode, verb):
    """Whether this is the command that a mode is about."""
    for rest in modes.get(mode, []):
        wanted, _, number = rest.partition(":")
        if wanted == verb and counts.get(verb) == int(number or 1):
            return True
    return False


class Transfers:
    def handle_read_of(self, parent):
        """Takes what came of an upload; ends everything where that is wanted."""
        if "break" in modes and not counts.get("broken") and self.receive:
            limit = int(modes["break"][0])
            parent()
            if self.get_transmitted_bytes() >= limit:
                counts["broken"] = 1
                if self.file_obj:
                    self.file_obj.truncate(limit)
                channel = self.cmd_channel
                self.close()
                channel.close()
            return
        parent()


def data(base):
    class Data(Transfers, base):
        def handle_read_event(self):
            self.handle_read_of(super().handle_read_event)

        def handle_close(self):
            if self.receive and "short" in modes and self.file_obj and not self.file_obj.closed:
                self.file_obj.flush()
                os.truncate(self.file_obj.name, max(0, os.path.getsize(self.file_obj.name) - 1))
            if self.receive and "late-refusal" in modes and not self._resp:
                self.transfer_finished = True
                self._resp = ("%s Not all of it could be kept." % modes["late-refusal"][0], None)
                self.close()
                return
            super().handle_close()

        def _do_ssl_shutdown(self):
            if "unsealed" in modes:
                # What both sides have said already is not said again.
                self.socket.set_shutdown(SSL.SENT_SHUTDOWN | SSL.RECEIVED_SHUTDOWN)
            super()._do_ssl_shutdown()

    return Data


def control(base):
    class Handler(base):
        def on_connect(self):
            connections.add(self)

        def on_disconnect(self):
            connections.discard(self)
            note("ended", "")

        def pre_process_command(self, line, cmd, arg):
            note("commands", cmd if cmd == "PASS" else line.strip())
            with lock:
                counts[cmd] = counts.get(cmd, 0) + 1
            if is_turn("cut", cmd):
                self.close()
                return
            if cmd == "LIST" and "plain-words" in modes and arg:
                self.respond("550 %s: No such file or directory." % arg)
                return
            if cmd in ("MLSD", "MLST") and "no-facts" in modes or cmd == "EPSV" and "other-host" in modes:
                self.respond("500 Command %s not understood." % cmd)
                return
            if cmd == "REST" and "no-rest" in modes:
                self.respond("502 Command not implemented.")
                return
            super().pre_process_command(line, cmd, arg)

        def process_command(self, cmd, *args, **kwargs):
            if is_turn("lose", cmd):
                self.respond = lambda *words, **more: None
                getattr(self, "ftp_" + cmd)(*args, **kwargs)
                self.close()
                return
            super().process_command(cmd, *args, **kwargs)

        def ftp_FEAT(self, line):
            if "no-facts" in modes:
                self.push("211-Features:\r\n SIZE\r\n MDTM\r\n REST STREAM\r\n211 End\r\n")
                return
            super().ftp_FEAT(line)

        def handle_auth_success(self, home, password, msg_login):
            if "crowded" in modes and len(connections) > int(modes["crowded"][0]):
                self.respond("530 Sorry, the maximum number of clients from your host are already connected.")
                self.close_when_done()
                return
            super().handle_auth_success(home, password, msg_login)

        def ftp_RNTO(self, path):
            if "refuses-taken" in modes and self.fs.lexists(path):
                self._rnfr = None
                self.respond("550 Cannot create a file when that file already exists.")
                return
            super().ftp_RNTO(path)
            if "idle" in modes:
                self.respond("421 Control connection timed out.")
                self.close_when_done()

        def ftp_RETR(self, file):
            if "gives-none" in modes:
                self.respond("550 No such file or directory.")
                return
            if "break-read" in modes and not counts.get("read"):
                counts["read"] = 1
                self._restart_position = 0
                with open(file, "rb") as content:
                    self.push_dtp_data(content.read(int(modes["break-read"][0])), cmd="RETR")
                return
            super().ftp_RETR(file)

        def _make_epasv(self, extmode=False):
            if not extmode and "other-host" in modes:
                self.masquerade_address = "192.0.2.1"
            super()._make_epasv(extmode)

        def ftp_LIST(self, path):
            if "dos" in modes or "odd" in modes or "unreadable" in modes:
                lines = []
                if "unreadable" not in modes:
                    for name in sorted(os.listdir(path)):
                        place = os.path.join(path, name)
                        size = "<DIR>" if os.path.isdir(place) else str(os.path.getsize(place))
                        lines.append("11-28-26  03:06AM %20s %s\r\n" % (size, name))
                if "odd" in modes:
                    lines.append("?????????? ? ? ? ? what nobody can read\r\n")
                self.push_dtp_data("".join(lines).encode(), cmd="LIST")
                return
            super().ftp_LIST(path)

        def respond(self, resp, logfun=None):
            if "unreadable" in modes and resp.startswith("226"):
                resp = "226 Transfer done (but failed to open directory)."
            super().respond(resp)

    return Handler


if "text" in modes:
    import socket

    listening = socket.create_server(("127.0.0.1", given.port))
    while True:
        other, _ = listening.accept()
        other.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        other.close()

if given.certificate:
    Handler = control(TLS_FTPHandler)
    Handler.certfile = given.certificate
    Handler.tls_control_required = Handler.tls_data_required = True
    Handler.dtp_handler = data(TLS_DTPHandler)
    Handler.ssl_context = Handler.get_ssl_context()
    if given.most_tls == "1.2":
        Handler.ssl_context.set_max_proto_version(SSL.TLS1_2_VERSION)
else:
    Handler = control(FTPHandler)
    Handler.dtp_handler = data(DTPHandler)

authorizer = DummyAuthorizer()
authorizer.add_user(given.user, given.password, given.root, perm="elradfmwMT")
Handler.authorizer = authorizer
Handler.use_sendfile = False

if "hides" in modes:
    from pyftpdlib.filesystems import AbstractedFS

    class Hiding(AbstractedFS):
        def listdir(self, path):
            return [name for name in super().listdir(path) if not name.startswith(".")]

    Handler.abstracted_fs = Hiding

server = FTPServer(("127.0.0.1", given.port), Handler)
server.max_cons = 4096
server.serve_forever()
