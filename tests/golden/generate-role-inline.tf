resource "aws_iam_role_policy" "deploy_least_privilege" {
  name   = "deploy-least-privilege"
  role   = "deploy"
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
