resource "aws_iam_user_policy" "alice_least_privilege" {
  name   = "alice-least-privilege"
  user   = "alice"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid = "Ec2DescribeVpcs"
        Effect = "Allow"
        Action = "ec2:DescribeVpcs"
        Resource = "*"
      },
    ]
  })
}
