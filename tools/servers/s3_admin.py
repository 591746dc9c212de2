"""Prepares S3 servers for tests.

usage: s3_admin.py bucket ENDPOINT KEY SECRET NAME [FORM]     makes a bucket: plain, versioned or locked
       s3_admin.py store ENDPOINT KEY SECRET BUCKET OBJECT…   stores a byte under each name; prints how many were taken
       s3_admin.py begin ENDPOINT KEY SECRET BUCKET OBJECT    begins an upload in parts, sends one, and leaves it
       s3_admin.py pending ENDPOINT KEY SECRET BUCKET OBJECT  prints how many uploads of the name were begun and not ended
       s3_admin.py adder ENDPOINT KEY SECRET                  makes moto's keys of one who may not remove; prints them
       s3_admin.py moto ENDPOINT                              makes moto check signatures; prints "KEY SECRET"
"""

import json
import sys
import urllib.request
import uuid

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError


def client(service, endpoint, key, secret):
    return boto3.client(
        service,
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 5}),
    )


def bucket(endpoint, key, secret, name, form="plain"):
    s3 = client("s3", endpoint, key, secret)
    s3.create_bucket(Bucket=name, ObjectLockEnabledForBucket=form == "locked")
    if form == "versioned":
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})


def keys(iam, name, actions):
    iam.create_user(UserName=name)
    made = iam.create_access_key(UserName=name)["AccessKey"]
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}]}
    iam.put_user_policy(UserName=name, PolicyName="tests", PolicyDocument=json.dumps(policy))
    print(made["AccessKeyId"], made["SecretAccessKey"])


def adder(endpoint, key, secret):
    may = "PutObject GetObject GetObjectVersion ListBucket ListBucketVersions ListBucketMultipartUploads"
    actions = ["s3:" + each for each in may.split() + ["ListMultipartUploadParts", "AbortMultipartUpload"]]
    keys(client("iam", endpoint, key, secret), "adder-" + uuid.uuid4().hex[:12], actions)


def store(endpoint, key, secret, bucket, *names):
    s3, taken = client("s3", endpoint, key, secret), 0
    for name in names:
        try:
            s3.put_object(Bucket=bucket, Key=name, Body=b"1")
            taken += 1
        except (ClientError, BotoCoreError):
            pass
    print(taken)


def begin(endpoint, key, secret, bucket, name):
    s3 = client("s3", endpoint, key, secret)
    upload = s3.create_multipart_upload(Bucket=bucket, Key=name)["UploadId"]
    s3.upload_part(Bucket=bucket, Key=name, UploadId=upload, PartNumber=1, Body=b"1")


def pending(endpoint, key, secret, bucket, name):
    try:
        listed = client("s3", endpoint, key, secret).list_multipart_uploads(Bucket=bucket, Prefix=name)
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchUpload":
            raise
        listed = {}
    print(sum(upload["Key"] == name for upload in listed.get("Uploads", [])))


def moto(endpoint):
    iam = client("iam", endpoint, "anything", "anything")
    keys(iam, "tester", "*")
    request = urllib.request.Request(
        endpoint + "/moto-api/reset-auth", data=b"0", headers={"Content-Type": "text/plain"}
    )
    urllib.request.urlopen(request).read()


if __name__ == "__main__":
    commands = {
        "bucket": bucket, "store": store, "begin": begin, "pending": pending, "adder": adder, "moto": moto,
    }
    commands[sys.argv[1]](*sys.argv[2:])
