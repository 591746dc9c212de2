"""A bucket that imports CARs, as Filebase's do: requests are signed, and that is checked by botocore."""

import io

from content import same
from multiformats import Malformed
from replies import Reply


class Bucket:
    def __init__(self, content, keys):
        self.content, self.keys, self.objects = content, keys, {}

    def answer(self, method, target, path, headers, body):
        if not self.is_signed(method, target, headers):
            return self.refuse(403, "SignatureDoesNotMatch")
        _, _, bucket, key = path.split("/", 3)
        if method == "PUT":
            fields, blocks = {"ETag": '"0"'}, None
            if headers.get("x-amz-meta-import") == "car":
                try:
                    root, blocks = self.content.read_car(io.BytesIO(body))
                except Malformed as error:
                    return self.refuse(400, "InvalidRequest", str(error))
                fields["x-amz-meta-cid"] = str(root)
            self.objects[bucket, key] = blocks
            return Reply(200, fields)
        if method == "DELETE":
            self.objects.pop((bucket, key), None)
            return Reply(204)
        return self.refuse(501, "NotImplemented")

    def blocks(self):
        """What came by CARs that are there."""
        return [blocks for blocks in self.objects.values() if blocks is not None]

    @staticmethod
    def refuse(status, code, message=""):
        text = f"<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>{message}</Message></Error>"
        return Reply(status, {"Content-Type": "application/xml"}, text.encode())

    def is_signed(self, method, target, headers):
        from botocore.auth import S3SigV4Auth
        from botocore.awsrequest import AWSRequest
        from botocore.credentials import Credentials

        given = headers.get("Authorization", "")
        if "SignedHeaders=" not in given:
            return False
        names = given.split("SignedHeaders=")[1].split(",")[0].split(";")
        url = f"http://{headers['Host']}{target}"
        request = AWSRequest(method=method, url=url, headers={name: headers[name] for name in names if name != "host"})
        request.context["timestamp"] = headers["x-amz-date"]
        request.context["payload_signing_enabled"] = headers["x-amz-content-sha256"] != "UNSIGNED-PAYLOAD"
        signer = S3SigV4Auth(Credentials(*self.keys), "s3", "us-east-1")
        text = signer.string_to_sign(request, signer.canonical_request(request))
        return given.endswith("Signature=" + signer.signature(text, request))


__all__ = ["Bucket", "same"]
