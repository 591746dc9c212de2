"""Prepares S3 servers for tests.

usage: s3_admin.py bucket ENDPOINT KEY SECRET NAME            makes a bucket
       s3_admin.py store ENDPOINT KEY SECRET BUCKET OBJECT…   stores a byte under each name; prints how many were taken
       s3_admin.py begin ENDPOINT KEY SECRET BUCKET OBJECT    begins an upload in parts, sends one, and leaves it
       s3_admin.py pending ENDPOINT KEY SECRET BUCKET OBJECT  prints how many uploads of the name were begun and not ended
       s3_admin.py moto ENDPOINT                              makes moto check signatures; prints "KEY SECRET"
"""

import json
import sys
import urllib.request

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


def bucket(endpoint, key, secret, name):
    client("s3", endpoint, key, secret).create_bucket(Bucket=name)


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
    iam.create_user(UserName="tester")
    made = iam.create_access_key(UserName="tester")["AccessKey"]
    everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    iam.put_user_policy(UserName="tester", PolicyName="all", PolicyDocument=json.dumps(everything))
    request = urllib.request.Request(
        endpoint + "/moto-api/reset-auth", data=b"0", headers={"Content-Type": "text/plain"}
    )
    urllib.request.urlopen(request).read()
    print(made["AccessKeyId"], made["SecretAccessKey"])


if __name__ == "__main__":
    {"bucket": bucket, "store": store, "begin": begin, "pending": pending, "moto": moto}[sys.argv[1]](*sys.argv[2:])
