resource "aws_iam_policy" "o_hara_example_org_least_privilege" {
  name   = "o-hara@example.org-least-privilege"
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

resource "aws_iam_user_policy_attachment" "o_hara_example_org_least_privilege" {
  user       = "o'hara@example.org"
  policy_arn = aws_iam_policy.o_hara_example_org_least_privilege.arn
}
