resource "aws_iam_policy" "deploy_least_privilege" {
  name   = "deploy-least-privilege"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid = "S3ReadOrders"
        Effect = "Allow"
        Action = [
          "s3:GetObject",
          "s3:GetObjectVersion",
        ]
        Resource = [
          "arn:aws:s3:::orders/a $${*} 'b' \"c\" %%{d}",
          "arn:aws:s3:::orders/ü/$${$}{x}\\n",
        ]
      },
      {
        Sid = "IamPassRoleRunner"
        Effect = "Allow"
        Action = "iam:PassRole"
        Resource = "arn:aws:iam::111122223333:role/runner"
        Condition = {
          StringEquals = {
            "iam:PassedToService" = [
              "ec2.amazonaws.com",
              "lambda.amazonaws.com",
            ]
          }
        }
      },
    ]
  })
}

resource "aws_iam_role_policy_attachment" "deploy_least_privilege" {
  role       = "deploy"
  policy_arn = aws_iam_policy.deploy_least_privilege.arn
}

resource "aws_iam_policy" "deploy_least_privilege_2" {
  name   = "deploy-least-privilege-2"
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

resource "aws_iam_role_policy_attachment" "deploy_least_privilege_2" {
  role       = "deploy"
  policy_arn = aws_iam_policy.deploy_least_privilege_2.arn
}
