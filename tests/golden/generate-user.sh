aws iam create-policy --policy-name o-hara@example.org-least-privilege --policy-document '{"Version":"2012-10-17","Statement":[{"Sid":"Ec2DescribeVpcs","Effect":"Allow","Action":"ec2:DescribeVpcs","Resource":"*"}]}'
aws iam attach-user-policy --user-name 'o'"'"'hara@example.org' --policy-arn arn:aws-cn:iam::111122223333:policy/o-hara@example.org-least-privilege
