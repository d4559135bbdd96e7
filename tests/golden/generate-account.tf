resource "aws_organizations_policy" "p_111122223333_limits" {
  name    = "111122223333-limits"
  content = jsonencode({
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
